using System.Globalization;

namespace RoceEngine.PerfTool.Options;

/// <summary>Whole numbers as C's <c>strtol</c> with base 0 reads them: decimal, 0x hexadecimal, 0 octal.</summary>
internal static class CNumber
{
    /// <summary>True when the whole text is a number that fits in 63 bits and a sign.</summary>
    public static bool TryParse(string text, out long value)
    {
        string digits = text.StartsWith('-') || text.StartsWith('+') ? text[1..] : text;
        if (!TryParseDigits(digits, out value))
            return false;
        if (text.StartsWith('-'))
            value = -value;
        return true;
    }

    private static bool TryParseDigits(string digits, out long value)
    {
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return long.TryParse(digits.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value) && value >= 0;
        if (digits.Length < 2 || digits[0] != '0')
            return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);

        value = 0;
        foreach (char digit in digits)
        {
            if (digit is < '0' or > '7' || value > long.MaxValue >> 3)
                return false;
            value = (value << 3) | (uint)(digit - '0');
        }

        return true;
    }
}
