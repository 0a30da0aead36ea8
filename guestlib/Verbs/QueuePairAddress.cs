using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;

namespace RoceEngine.Verbs;

/// <summary>
/// What one end of a connection tells the other before they can talk: its address, QP number and first PSN.
/// The text form is <c>qpn:psn:address</c>, both numbers as six hexadecimal digits, for instance <c>00002a:8f01c3:127.0.0.2</c>.
/// </summary>
/// <param name="Address">IP address of the device: its GID.</param>
/// <param name="Number">QP number, 24 bits.</param>
/// <param name="Psn">First PSN that this end sends, 24 bits.</param>
public readonly record struct QueuePairAddress(IPAddress Address, uint Number, uint Psn) : IParsable<QueuePairAddress>
{
    /// <summary>Largest 24-bit number.</summary>
    internal const uint Mask24 = 0xFF_FFFF;

    /// <summary>A first PSN that nobody can guess.</summary>
    public static uint RandomPsn() => (uint)RandomNumberGenerator.GetInt32((int)Mask24 + 1);

    /// <summary>Reads the text form.</summary>
    /// <exception cref="FormatException">It is not one.</exception>
    public static QueuePairAddress Parse(string s, IFormatProvider? provider = null) =>
        TryParse(s, provider, out QueuePairAddress result)
            ? result
            : throw new FormatException($"'{s}' is not a queue pair address (qpn:psn:address).");

    /// <summary>Reads the text form; false when it is not one.</summary>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out QueuePairAddress result)
    {
        result = default;
        string[] parts = s?.Trim().Split(':', 3) ?? [];
        if (parts.Length != 3
            || !TryParseNumber(parts[0], out uint number)
            || !TryParseNumber(parts[1], out uint psn)
            || !IPAddress.TryParse(parts[2], out IPAddress? address))
        {
            return false;
        }

        result = new QueuePairAddress(address, number, psn);
        return true;
    }

    /// <summary>The text form.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number:x6}:{Psn:x6}:{Address}");

    private static bool TryParseNumber(string text, out uint value) =>
        uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value) && value <= Mask24;
}
