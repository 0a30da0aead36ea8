using RoceEngine.Abi;

namespace Device.Tests;

public sealed class RingIndexTests
{
    public static TheoryData<uint> RingSizes => [1, 2, 4, 128, 512, 1024, 4096, 32768, 1536, 3072, 1000, 768, 2560];

    /// <summary>The stock driver's formulas, whatever the number of slots, give what the device computes with the reachable slots.</summary>
    [Theory]
    [MemberData(nameof(RingSizes))]
    public void Counting_is_the_same_as_masking_with_any_number_of_slots(uint slots)
    {
        uint usable = RingIndex.UsableSlots(slots);
        uint driver = 0;
        uint device = 0;
        for (int i = 0; i < 20_000; i++)
        {
            Assert.Equal(driver, device);
            Assert.Equal(driver & (slots - 1), RingIndex.Slot(device, usable));
            Assert.True(RingIndex.IsValid(device, usable));
            driver = (driver + 1) & ((slots << 1) - 1);
            device = RingIndex.Next(device, usable);
        }
    }

    [Fact]
    public void The_rings_of_the_stock_driver_reach_a_third_of_their_slots()
    {
        Assert.Equal(512u, RingIndex.UsableSlots(1536));
        Assert.Equal(1024u, RingIndex.UsableSlots(3072));
        Assert.Equal(0u, RingIndex.UsableSlots(0));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(4096)]
    public void Every_slot_can_be_used_and_full_differs_from_empty(uint slots)
    {
        for (uint start = 0; start < slots * 2; start += Math.Max(slots / 3, 1))
        {
            uint producer = start;
            for (uint used = 0; used < slots; used++)
            {
                Assert.False(RingIndex.IsFull(producer, start, slots));
                Assert.Equal(used, RingIndex.Used(producer, start, slots));
                producer = RingIndex.Next(producer, slots);
            }

            Assert.True(RingIndex.IsFull(producer, start, slots));
            Assert.Equal(slots, RingIndex.Used(producer, start, slots));
            Assert.Equal(producer, RingIndex.Advance(start, slots, slots));
        }
    }

    [Theory]
    [InlineData(8u, 0u, true)]
    [InlineData(9u, 0u, false)]
    [InlineData(15u, 0u, false)]
    [InlineData(16u, 0u, false)]
    [InlineData(0x8000_0000u, 0u, false)]
    [InlineData(uint.MaxValue, 0u, false)]
    [InlineData(1u, 15u, true)]
    [InlineData(0u, 1u, false)]
    [InlineData(3u, 16u, false)]
    public void An_index_that_no_counting_leads_to_is_recognised(uint producer, uint consumer, bool possible) =>
        Assert.Equal(possible, RingIndex.TryUsed(producer, consumer, 8, out _));
}
