using RoceEngine.Wire;

namespace Wire.Tests;

public unsafe class PayloadCopyTests
{
    private const int GuardBytes = 64;

    /// <summary>Every length around a step of the loop and at the ends of its range, between any two places within a vector.</summary>
    [Fact]
    public void All_bytes_are_copied_and_none_beside_them()
    {
        int[] lengths = [.. Enumerable.Range(0, 700), 4096, 4097, 65_536, 65_663, 512 * 1024 - 1, 512 * 1024, 512 * 1024 + 1];
        byte[] from = GC.AllocateUninitializedArray<byte>(1024 * 1024, pinned: true);
        byte[] to = GC.AllocateUninitializedArray<byte>(1024 * 1024, pinned: true);
        new Random(3).NextBytes(from);
        fixed (byte* source = from, target = to)
        {
            foreach (int bytes in lengths)
            {
                int sourceOffset = bytes * 7 % 32;
                int targetOffset = GuardBytes + (bytes * 13 % 37);
                to.AsSpan(0, targetOffset + bytes + GuardBytes).Fill(0xEE);

                PayloadCopy.Copy(source + sourceOffset, target + targetOffset, bytes);

                Assert.True(from.AsSpan(sourceOffset, bytes).SequenceEqual(to.AsSpan(targetOffset, bytes)), $"{bytes} bytes");
                Assert.False(to.AsSpan(0, targetOffset).ContainsAnyExcept((byte)0xEE), $"{bytes} bytes, before");
                Assert.False(to.AsSpan(targetOffset + bytes, GuardBytes).ContainsAnyExcept((byte)0xEE), $"{bytes} bytes, behind");
            }
        }
    }
}
