using System.Globalization;
using System.Numerics;

namespace RoceEngine.PerfTool.Report;

/// <summary>Numbers as C's <c>printf</c> writes them, so that columns match perftest's byte for byte.</summary>
internal static class CFormat
{
    /// <summary><c>%.{decimals}f</c>: the exact value of the double, ties to even.</summary>
    public static string Fixed(double value, int decimals)
    {
        if (!double.IsFinite(value))
            return double.IsNaN(value) ? "nan" : value < 0 ? "-inf" : "inf";

        long bits = BitConverter.DoubleToInt64Bits(Math.Abs(value));
        int exponent = (int)(bits >> 52);
        BigInteger scaled = (bits & 0xF_FFFF_FFFF_FFFF) | (exponent > 0 ? 1L << 52 : 0);
        int shift = Math.Max(exponent, 1) - 1075;
        scaled *= BigInteger.Pow(10, decimals);
        scaled = shift >= 0 ? scaled << shift : RoundedShift(scaled, -shift);

        string digits = scaled.ToString(CultureInfo.InvariantCulture).PadLeft(decimals + 1, '0');
        string text = decimals == 0 ? digits : $"{digits[..^decimals]}.{digits[^decimals..]}";
        return double.IsNegative(value) ? "-" + text : text;
    }

    /// <summary><c>%-{width}.{decimals}f</c>.</summary>
    public static string Fixed(double value, int decimals, int width) => Fixed(value, decimals).PadRight(width);

    /// <summary><c>%-{width}lu</c>.</summary>
    public static string Integer(long value, int width) => value.ToString(CultureInfo.InvariantCulture).PadRight(width);

    /// <summary><c>%g</c>: six significant digits, an exponent when it is below -4 or above 5.</summary>
    public static string General(double value) => value.ToString("G6", CultureInfo.InvariantCulture).Replace('E', 'e');

    /// <summary><c>%#0{width}x</c>: with 0x in front unless the value is 0, padded with zeros to the width.</summary>
    public static string Hexadecimal(ulong value, int width) =>
        value == 0
            ? new string('0', width)
            : "0x" + value.ToString("x", CultureInfo.InvariantCulture).PadLeft(width - 2, '0');

    private static BigInteger RoundedShift(BigInteger value, int shift)
    {
        BigInteger quotient = value >> shift;
        BigInteger twiceRemainder = (value - (quotient << shift)) << 1;
        int comparison = twiceRemainder.CompareTo(BigInteger.One << shift);
        return comparison > 0 || (comparison == 0 && !quotient.IsEven) ? quotient + 1 : quotient;
    }
}
