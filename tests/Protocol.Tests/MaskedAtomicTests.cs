using CsCheck;
using RoceEngine.Protocol.Tests.Simulation;

namespace RoceEngine.Protocol.Tests;

/// <summary>Masked atomics against a model that works bit by bit, as the documentation of the extended atomics describes them.</summary>
public class MaskedAtomicTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_masked_compare_and_swap_compares_and_replaces_the_bits_under_its_masks(bool local) =>
        Gen.Select(Gen.ULong, Gen.ULong, Gen.OneOf(Gen.ULong, Gen.Const(0ul), Gen.Const(ulong.MaxValue)), Gen.ULong, Gen.ULong, Gen.Bool)
            .Sample((memory, compare, compareMask, swap, swapMask, matches) =>
            {
                compare = matches ? (memory & compareMask) | (compare & ~compareMask) : compare;
                bool equal = true;
                ulong expected = memory;
                for (int bit = 0; bit < 64; bit++)
                {
                    ulong one = 1ul << bit;
                    equal &= (compareMask & one) == 0 || (memory & one) == (compare & one);
                    expected = (swapMask & one) == 0 ? expected : (expected & ~one) | (swap & one);
                }

                Run(local, WorkOpcode.MaskedCompareSwap, memory, equal ? expected : memory, CompletionOpcode.MaskedCompareSwap, request => request with
                {
                    CompareOrAdd = compare, CompareMaskOrBoundary = compareMask, Swap = swap, SwapMask = swapMask,
                });
            }, iter: 60);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_masked_fetch_and_add_carries_within_its_fields_only(bool local) =>
        Gen.Select(Gen.ULong, Gen.ULong, Gen.OneOf(Gen.ULong, Gen.Const(0ul), Gen.Const(ulong.MaxValue), Gen.Const(0x8000_8000_8000_8000ul)))
            .Sample((memory, addend, boundaries) =>
                Run(local, WorkOpcode.MaskedFetchAdd, memory, AddBitByBit(memory, addend, boundaries), CompletionOpcode.MaskedFetchAdd, request => request with
                {
                    CompareOrAdd = addend, CompareMaskOrBoundary = boundaries,
                }), iter: 60);

    [Fact]
    public void Fields_add_as_bit_by_bit() =>
        Gen.Select(Gen.ULong, Gen.ULong, Gen.ULong).Sample((left, right, boundaries) =>
            Assert.Equal(AddBitByBit(left, right, boundaries), MaskedAtomics.AddFields(left, right, boundaries)), iter: 10_000);

    [Theory]
    [InlineData(0xFFul, 1ul, 0ul, 0x100ul)]
    [InlineData(0xFFul, 1ul, 0x80ul, 0ul)]
    [InlineData(ulong.MaxValue, 1ul, 0ul, 0ul)]
    [InlineData(0xFFFF_FFFF_FFFF_FFFFul, 0x0001_0001_0001_0001ul, 0x8000_8000_8000_8000ul, 0ul)]
    [InlineData(0b11ul, 0b01ul, ulong.MaxValue, 0b10ul)]
    public void Known_sums(ulong left, ulong right, ulong boundaries, ulong sum) =>
        Assert.Equal(sum, MaskedAtomics.AddFields(left, right, boundaries));

    [Fact]
    public void A_lost_answer_is_given_again_and_the_addition_is_done_once()
    {
        var duo = new Duo(new DuoOptions());
        ulong target = duo.B.Memory.BaseAddress;
        duo.B.Memory.WriteWord(target, 10);
        duo.Post(Request(duo, WorkOpcode.MaskedFetchAdd) with { CompareOrAdd = 5 });
        duo.PollA();
        duo.DeliverToB();
        duo.PollB();
        duo.FromB.Clear();
        for (int i = 0; i < 50 && duo.FirstRings.SendsDone.Count == 0; i++)
        {
            duo.PassTime();
            duo.Settle();
        }

        Assert.Equal(CompletionStatus.Success, Assert.Single(duo.FirstRings.SendEntries).Status);
        Assert.Equal((15ul, 10ul), (duo.B.Memory.ReadWord(target), duo.A.Memory.ReadWord(duo.A.Memory.BaseAddress)));
    }

    [Fact]
    public void They_need_the_right_to_atomics()
    {
        var duo = new Duo(new DuoOptions { Access = Duo.AllAccess & ~AccessFlags.RemoteAtomic });
        duo.Post(Request(duo, WorkOpcode.MaskedFetchAdd) with { CompareOrAdd = 5 });
        duo.Settle();
        Assert.Equal(CompletionStatus.RemoteInvalidRequestError, Assert.Single(duo.FirstRings.SendEntries).Status);
    }

    private static void Run(
        bool local, WorkOpcode opcode, ulong memory, ulong expected, CompletionOpcode completed, Func<SendWorkRequest, SendWorkRequest> operands)
    {
        var duo = new Duo(new DuoOptions { IsLocal = local, MemoryPages = 4 });
        duo.B.Memory.WriteWord(duo.B.Memory.BaseAddress, memory);
        duo.Post(operands(Request(duo, opcode)));
        duo.Settle();
        Completion done = Assert.Single(duo.FirstRings.SendEntries);
        Assert.Equal((CompletionStatus.Success, completed, 8u), (done.Status, done.Opcode, done.Bytes));
        Assert.Equal(expected, duo.B.Memory.ReadWord(duo.B.Memory.BaseAddress));
        Assert.Equal(memory, duo.A.Memory.ReadWord(duo.A.Memory.BaseAddress));
    }

    private static SendWorkRequest Request(Duo duo, WorkOpcode opcode) =>
        Requests.Make(opcode, 1, duo.A.Memory.BaseAddress, 8, duo.LocalKey) with { RemoteAddress = duo.B.Memory.BaseAddress, RemoteKey = duo.RemoteKey };

    private static ulong AddBitByBit(ulong left, ulong right, ulong boundaries)
    {
        ulong sum = 0;
        int carry = 0;
        for (int bit = 0; bit < 64; bit++)
        {
            int total = (int)((left >> bit) & 1) + (int)((right >> bit) & 1) + carry;
            sum |= (ulong)(total & 1) << bit;
            carry = ((boundaries >> bit) & 1) == 0 ? total >> 1 : 0;
        }

        return sum;
    }
}
