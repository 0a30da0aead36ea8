using CsCheck;

namespace RoceEngine.Host.Tests;

public unsafe class SpscRingTests
{
    [Fact]
    public void Records_come_out_in_order_and_whole_whatever_their_sizes()
    {
        Gen.Select(Gen.Int[0, 900].Array[1, 300], Gen.Int[1, 5]).Sample((sizes, burst) =>
        {
            using var ring = new SpscRing(4096);
            int produced = 0;
            int consumed = 0;
            while (consumed < sizes.Length)
            {
                for (int i = 0; i < burst && produced < sizes.Length; i++)
                {
                    byte* at = ring.TryClaim(sizes[produced]);
                    if (at == null)
                        break;
                    new Span<byte>(at, sizes[produced]).Fill((byte)produced);
                    ring.Publish(sizes[produced++]);
                }
                if (!ring.TryPeek(out ReadOnlySpan<byte> record))
                    return false;
                if (record.Length != sizes[consumed] || record.IndexOfAnyExcept((byte)consumed) >= 0)
                    return false;
                ring.Release(record);
                consumed++;
            }
            return !ring.TryPeek(out _);
        });
    }

    [Fact]
    public void Two_threads_lose_and_mix_nothing()
    {
        const int count = 200_000;
        using var ring = new SpscRing(1 << 12);
        var producer = new Thread(() =>
        {
            for (long i = 0; i < count; i++)
            {
                int bytes = sizeof(long) * (1 + (int)(i % 7));
                byte* at;
                while ((at = ring.TryClaim(bytes)) == null)
                    Thread.Yield();
                new Span<long>(at, bytes / sizeof(long)).Fill(i);
                ring.Publish(bytes);
            }
        });
        producer.Start();
        for (long i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> record;
            while (!ring.TryPeek(out record))
                Thread.Yield();
            Assert.Equal(sizeof(long) * (1 + (int)(i % 7)), record.Length);
            fixed (byte* at = record)
                Assert.True(new ReadOnlySpan<long>(at, record.Length / sizeof(long)).IndexOfAnyExcept(i) < 0);
            ring.Release(record);
        }
        producer.Join();
    }
}
