using System.Text;
using CsCheck;
using RoceEngine.Wire;
using System.Runtime.Intrinsics.X86;

namespace Wire.Tests;

public class Crc32Tests
{
    private static uint Crc(Func<uint, byte[], uint> update, byte[] bytes) => ~update(uint.MaxValue, bytes);

    [Fact]
    public void The_check_value_of_the_standard_polynomial_is_met()
    {
        byte[] digits = Encoding.ASCII.GetBytes("123456789");
        Assert.Equal(0xCBF4_3926u, Crc((r, b) => Crc32.UpdateScalar(r, b), digits));
        Assert.Equal(0xCBF4_3926u, Crc((r, b) => Crc32.Update(r, b), digits));
    }

    [Fact]
    public void The_seed_is_the_register_after_eight_bytes_of_ones() =>
        Assert.Equal(Icrc.Seed, Crc32.UpdateScalar(uint.MaxValue, Enumerable.Repeat((byte)0xFF, 8).ToArray()));

    [Fact]
    public void Fold_constants_are_those_of_the_paper()
    {
        Assert.Equal(0x1_5444_2BD4uL, Crc32.FoldConstants(512)[0]);
        Assert.Equal(0x1_C6E4_1596uL, Crc32.FoldConstants(512)[1]);
        Assert.Equal(0x1_7519_97D0uL, Crc32.FoldConstants(128)[0]);
        Assert.Equal(0x0_CCAA_009EuL, Crc32.FoldConstants(128)[1]);
    }

    [Fact]
    public void Scalar_agrees_with_one_bit_at_a_time() =>
        Gen.Select(Gen.UInt, Gen.Byte.Array[0, 70]).Sample((register, bytes) =>
        {
            uint expected = register;
            foreach (byte value in bytes)
            {
                expected ^= value;
                for (int bit = 0; bit < 8; bit++)
                {
                    expected = (expected & 1) != 0 ? (expected >> 1) ^ 0xEDB8_8320 : expected >> 1;
                }
            }

            return Crc32.UpdateScalar(register, bytes) == expected;
        });

    [Fact]
    public void Every_form_agrees_with_scalar_at_every_length_and_alignment()
    {
        byte[] bytes = new byte[1300];
        new Random(1).NextBytes(bytes);
        for (int length = 0; length <= 1200; length++)
        {
            for (int start = 0; start < 33; start += start < 4 ? 1 : 7)
            {
                ReadOnlySpan<byte> span = bytes.AsSpan(start, length);
                uint register = (uint)(length * 2654435761u);
                uint expected = Crc32.UpdateScalar(register, span);
                Assert.Equal(expected, Crc32.Update(register, span));
                if (length >= 16 && Pclmulqdq.IsSupported)
                {
                    Assert.Equal(expected, Crc32.UpdatePclmulqdq(register, span));
                }

                if (length >= 128 && Pclmulqdq.V256.IsSupported)
                {
                    Assert.Equal(expected, Crc32.UpdateVpclmulqdq(register, span));
                }

                if (length >= 256 && Pclmulqdq.V512.IsSupported)
                {
                    Assert.Equal(expected, Crc32.UpdateVpclmulqdq512(register, span));
                }
            }
        }
    }

    [Theory]
    [InlineData(15)]
    [InlineData(75)]
    [InlineData(271)]
    [InlineData(4096)]
    [InlineData(4108)]
    public void A_copy_of_what_another_writes_to_has_the_register_of_the_bytes_copied(int length)
    {
        byte[] source = new byte[length];
        byte[] destination = new byte[source.Length];
        bool stop = false;
        var writer = new Thread(() =>
        {
            var random = new Random(3);
            while (!Volatile.Read(ref stop))
                source[random.Next(source.Length)]++;
        });
        writer.Start();
        try
        {
            for (int i = 0; i < 2_000; i++)
            {
                uint register = Crc32.UpdateAndCopy(5, source, destination);
                Assert.Equal(Crc32.UpdateScalar(5, destination), register);
                register = Crc32.UpdateAndCopyScalar(5, source, destination);
                Assert.Equal(Crc32.UpdateScalar(5, destination), register);
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            writer.Join();
        }
    }

    [Fact]
    public void Every_form_agrees_with_scalar_on_large_buffers() =>
        Gen.Select(Gen.UInt, Gen.Byte.Array[600, 9000]).Sample((register, bytes) =>
        {
            uint expected = Crc32.UpdateScalar(register, bytes);
            Assert.Equal(expected, Crc32.Update(register, bytes));
            if (Pclmulqdq.IsSupported)
            {
                Assert.Equal(expected, Crc32.UpdatePclmulqdq(register, bytes));
            }
        }, iter: 300);

    [Fact]
    public void A_fused_copy_copies_exactly_and_gives_the_same_register()
    {
        byte[] source = new byte[5100];
        new Random(2).NextBytes(source);
        foreach (int length in Enumerable.Range(0, 400).Concat([511, 512, 513, 1024, 1279, 4095, 4096, 4097, 4107, 4128, 5000]))
        {
            uint expected = Crc32.UpdateScalar(7, source.AsSpan(3, length));
            AssertCopies(source, length, expected, (s, d) => Crc32.UpdateAndCopy(7, s, d));
            AssertCopies(source, length, expected, (s, d) => Crc32.UpdateAndCopyScalar(7, s, d));
            if (length >= 16 && Pclmulqdq.IsSupported)
            {
                AssertCopies(source, length, expected, (s, d) => Crc32.UpdateAndCopyPclmulqdq(7, s, d));
            }

            if (length >= 128 && Pclmulqdq.V256.IsSupported)
            {
                AssertCopies(source, length, expected, (s, d) => Crc32.UpdateAndCopyVpclmulqdq(7, s, d));
            }

            if (length >= 256 && Pclmulqdq.V512.IsSupported)
            {
                AssertCopies(source, length, expected, (s, d) => Crc32.UpdateAndCopyVpclmulqdq512(7, s, d));
            }
        }
    }

    [Fact]
    public void A_fused_copy_refuses_a_destination_that_is_too_short() =>
        Assert.Throws<ArgumentException>(() => Icrc.UpdateAndCopy(0, new byte[5], new byte[4]));

    private delegate uint CopyAndSum(ReadOnlySpan<byte> source, Span<byte> destination);

    private static void AssertCopies(byte[] source, int length, uint expected, CopyAndSum run)
    {
        byte[] destination = Enumerable.Repeat((byte)0xA5, length + 64).ToArray();
        Assert.Equal(expected, run(source.AsSpan(3, length), destination.AsSpan(32, length)));
        Assert.True(destination.AsSpan(32, length).SequenceEqual(source.AsSpan(3, length)));
        Assert.True(destination.AsSpan(0, 32).IndexOfAnyExcept((byte)0xA5) < 0, "wrote before the destination");
        Assert.True(destination.AsSpan(32 + length).IndexOfAnyExcept((byte)0xA5) < 0, "wrote past the destination");
    }
}
