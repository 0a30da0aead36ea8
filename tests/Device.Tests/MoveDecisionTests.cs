using System.Runtime.InteropServices;
using RoceEngine.Abi;

namespace RoceEngine.Device.Tests;

public sealed unsafe class MoveDecisionTests : IDisposable
{
    private readonly byte* _region = (byte*)NativeMemory.AlignedAlloc(ControlRegion.Bytes, 4096);

    public MoveDecisionTests() => NativeMemory.Clear(_region, ControlRegion.Bytes);

    public void Dispose() => NativeMemory.AlignedFree(_region);

    private ulong Word => *(ulong*)(_region + ControlRegion.DevicePage + 0x180);

    [Fact]
    public void What_was_taken_cannot_be_withdrawn()
    {
        var here = MoveDecision.Open(_region);
        var there = MoveDecision.Of(_region, here.Attempt);
        Assert.False(here.IsTaken);
        Assert.True(there.TryTake());
        Assert.False(there.TryTake());
        Assert.False(here.TryWithdraw());
        Assert.True(here.IsTaken);
        Assert.Equal((here.Attempt << 2) | 1, Word);
    }

    [Fact]
    public void What_was_withdrawn_cannot_be_taken_and_both_sides_may_withdraw()
    {
        var here = MoveDecision.Open(_region);
        Assert.True(MoveDecision.Of(_region, here.Attempt).TryWithdraw());
        Assert.True(here.TryWithdraw());
        Assert.False(MoveDecision.Of(_region, here.Attempt).TryTake());
        Assert.False(here.IsTaken);
        Assert.Equal((here.Attempt << 2) | 2, Word);
    }

    [Fact]
    public void A_latecomer_of_an_earlier_attempt_changes_nothing()
    {
        var first = MoveDecision.Open(_region);
        Assert.True(first.TryWithdraw());
        var second = MoveDecision.Open(_region);
        Assert.NotEqual(first.Attempt, second.Attempt);
        Assert.False(first.TryTake());
        Assert.True(first.TryWithdraw());
        Assert.False(first.IsTaken);
        Assert.True(second.TryTake());
        Assert.True(second.IsTaken);
        Assert.False(first.IsTaken);
    }

    [Fact]
    public void Attempts_begin_anew_after_the_last_number()
    {
        *(ulong*)(_region + ControlRegion.DevicePage + 0x180) = ulong.MaxValue;
        var decision = MoveDecision.Open(_region);
        Assert.Equal(0ul, decision.Attempt);
        Assert.True(decision.TryTake());
    }

    [Theory]
    [InlineData(0xFFFF_FFFF_FFFF_FFFF)]
    [InlineData(0x3)]
    [InlineData(0x8000_0000_0000_0000)]
    public void A_word_that_the_guest_spoiled_is_not_taken(ulong nonsense)
    {
        var here = MoveDecision.Open(_region);
        *(ulong*)(_region + ControlRegion.DevicePage + 0x180) = nonsense;
        Assert.False(MoveDecision.Of(_region, here.Attempt).TryTake());
        Assert.False(here.IsTaken);
        Assert.True(here.TryWithdraw());
    }

    /// <summary>A daemon that takes, one that withdraws and a guest that withdraws, all at once: the device is at one place, and all see the same.</summary>
    [Fact]
    public void Of_all_who_decide_at_once_one_does()
    {
        const int attempts = 5_000;
        using var round = new Barrier(3);
        bool[] results = new bool[3];
        int taken = 0;
        nint region = (nint)_region;
        var decision = MoveDecision.Open(_region);
        Thread[] others = [.. Enumerable.Range(1, 2).Select(who => new Thread(() =>
        {
            for (int i = 0; i < attempts; i++)
            {
                round.SignalAndWait(TestContext.Current.CancellationToken);
                var mine = MoveDecision.Of((byte*)region, decision.Attempt);
                results[who] = who == 1 ? mine.TryTake() : mine.TryWithdraw();
                round.SignalAndWait(TestContext.Current.CancellationToken);
            }
        }))];
        Array.ForEach(others, thread => thread.Start());
        int disagreements = 0;
        for (int i = 0; i < attempts; i++)
        {
            decision = MoveDecision.Open(_region);
            round.SignalAndWait(TestContext.Current.CancellationToken);
            results[0] = decision.TryWithdraw();
            round.SignalAndWait(TestContext.Current.CancellationToken);
            taken += results[1] ? 1 : 0;
            disagreements += results[0] == results[1] || results[2] == results[1] || decision.IsTaken != results[1] ? 1 : 0;
        }
        Array.ForEach(others, thread => thread.Join());
        Assert.Equal(0, disagreements);
        TestContext.Current.TestOutputHelper?.WriteLine($"{taken} of {attempts} attempts were taken");
    }
}
