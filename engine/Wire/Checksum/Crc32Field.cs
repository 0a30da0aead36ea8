using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace RoceEngine.Wire;

/// <summary>
/// Arithmetic of polynomials over GF(2) modulo the CRC-32 polynomial P of IEEE 802.3, in the reflected form of a CRC register:
/// bit 31 is the coefficient of x^0, bit 0 that of x^31. Appending n zero bytes to a message multiplies its register by x^8n, and
/// because P is primitive x has the order 2^32 - 1, so that every power, a negative one too, has an inverse.
/// </summary>
internal static class Crc32Field
{
    /// <summary>P without its leading term, reflected.</summary>
    public const uint Polynomial = 0xEDB8_8320;

    /// <summary>x^0.</summary>
    public const uint One = 0x8000_0000;

    /// <summary>P with its leading term, reflected into 33 bits.</summary>
    private const ulong ReflectedPolynomial = 0x1_DB71_0641;

    /// <summary>The quotient x^64 / P, reflected into 33 bits. V. Gopal et al., "Fast CRC Computation … PCLMULQDQ", Intel 2009.</summary>
    private const ulong ReflectedQuotient = 0x1_F701_1641;

    private const uint Order = uint.MaxValue;

    /// <summary>x^(2^k) for k = 0…31.</summary>
    private static readonly uint[] Squares = BuildSquares();

    /// <summary>The product of two elements.</summary>
    public static uint Multiply(uint left, uint right) =>
        Pclmulqdq.IsSupported ? MultiplyPclmulqdq(left, right) : MultiplyScalar(left, right);

    /// <summary>x to the power <paramref name="exponent"/>, which may be negative.</summary>
    public static uint PowerOfX(long exponent)
    {
        long residue = exponent % Order;
        uint remaining = (uint)(residue < 0 ? residue + Order : residue);
        uint power = One;
        for (int k = 0; remaining != 0; k++, remaining >>= 1)
        {
            if ((remaining & 1) != 0)
            {
                power = Multiply(power, Squares[k]);
            }
        }

        return power;
    }

    /// <summary>Schoolbook multiplication, one bit at a time.</summary>
    internal static uint MultiplyScalar(uint left, uint right)
    {
        uint product = 0;
        for (; left != 0; left <<= 1)
        {
            product ^= right & (uint)((int)left >> 31);
            right = (right >> 1) ^ (Polynomial & (0u - (right & 1)));
        }

        return product;
    }

    /// <summary>Carry-less multiplication; the product of reflected factors is one bit short of 64, hence the shift.</summary>
    internal static uint MultiplyPclmulqdq(uint left, uint right)
    {
        Vector128<ulong> product = Pclmulqdq.CarrylessMultiply(
            Vector128.CreateScalar((ulong)left), Vector128.CreateScalar((ulong)right), 0x00);
        return Reduce64(product << 1);
    }

    /// <summary>
    /// Barrett reduction: the residue of the low 64 bits, whose low half holds the higher powers.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Reduce64(Vector128<ulong> value)
    {
        Vector128<ulong> constants = Vector128.Create(ReflectedPolynomial, ReflectedQuotient);
        Vector128<ulong> lowHalf = Vector128.Create(0xFFFF_FFFFuL, 0uL);
        Vector128<ulong> quotient = Pclmulqdq.CarrylessMultiply(value & lowHalf, constants, 0x10) & lowHalf;
        Vector128<ulong> multiple = Pclmulqdq.CarrylessMultiply(quotient, constants, 0x00);
        return (value ^ multiple).AsUInt32().GetElement(1);
    }

    private static uint[] BuildSquares()
    {
        var squares = new uint[32];
        squares[0] = One >> 1;
        for (int k = 1; k < squares.Length; k++)
        {
            squares[k] = MultiplyScalar(squares[k - 1], squares[k - 1]);
        }

        return squares;
    }
}
