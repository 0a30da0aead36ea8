using Hostile.Tests.Arenas;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace Hostile.Tests.Guests;

/// <summary>
/// What a second guest of the same worker gets done in so many turns, alone and beside an attack that never stops: at least 90 %. Turns are virtual work,
/// the same on every machine.
/// </summary>
public sealed class ThroughputTests
{
    private const int WarmUpTurns = 100;
    private const int Turns = 400;

    public static TheoryData<string, ArenaKind, int> Rows()
    {
        var rows = new TheoryData<string, ArenaKind, int>();
        foreach (string name in SustainedAttacks.All.Keys)
        {
            foreach (ArenaKind kind in new[] { ArenaKind.OneHost, ArenaKind.TwoHosts })
            {
                rows.Add(name, kind, 64);
                rows.Add(name, kind, 16_384);
            }
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void A_second_guest_keeps_its_throughput(string attack, ArenaKind kind, int messageBytes)
    {
        ulong alone = Measure(kind, messageBytes, null);
        ulong beside = Measure(kind, messageBytes, SustainedAttacks.All[attack]);
        Assert.True(alone > 100, $"{alone} messages alone measure nothing");
        Assert.True(beside >= alone * 0.9, $"{beside} messages beside the attack, {alone} alone");
    }

    private static ulong Measure(ArenaKind kind, int messageBytes, Func<Attack, Action>? begin)
    {
        using Arena arena = Arena.Create(kind);
        var victim = new BusyVictim(arena, messageBytes);
        Action? eachTurn = begin?.Invoke(new Attack(arena));
        victim.Work(WarmUpTurns, eachTurn);
        ulong before = victim.Completed;
        victim.Work(Turns, eachTurn);
        arena.AssertAllServed();
        Assert.False(arena.Alice.Device.IsFatal);
        return victim.Completed - before;
    }
}
