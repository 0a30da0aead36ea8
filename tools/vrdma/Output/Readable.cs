using System.Globalization;

namespace RoceEngine.Vrdma.Output;

/// <summary>Numbers and messages as people read them; the same in every culture.</summary>
internal static class Readable
{
    /// <summary>Folds line ends and control characters to spaces, so that a message is one line whatever it quotes.</summary>
    public static string OneLine(string message)
    {
        char[] characters = message.Trim().ToCharArray();
        for (int i = 0; i < characters.Length; i++)
        {
            if (char.IsControl(characters[i]))
                characters[i] = ' ';
        }

        return new string(characters);
    }

    /// <summary>A byte count with a binary unit where it is exact: 8 B, 4 KiB, 1 MiB, 1000 B.</summary>
    public static string Bytes(long bytes) => bytes switch
    {
        >= 1 << 30 when bytes % (1 << 30) == 0 => Format(bytes >> 30, "GiB"),
        >= 1 << 20 when bytes % (1 << 20) == 0 => Format(bytes >> 20, "MiB"),
        >= 1 << 10 when bytes % (1 << 10) == 0 => Format(bytes >> 10, "KiB"),
        _ => Format(bytes, "B"),
    };

    /// <summary>A byte count as an amount: two decimals of the largest binary unit that it fills.</summary>
    public static string Amount(long bytes) => bytes switch
    {
        >= 1 << 30 => Format(bytes / (double)(1 << 30), "GiB"),
        >= 1 << 20 => Format(bytes / (double)(1 << 20), "MiB"),
        >= 1 << 10 => Format(bytes / (double)(1 << 10), "KiB"),
        _ => Format(bytes, "B"),
    };

    /// <summary>A duration in microseconds: two decimals under 100, none from there on.</summary>
    public static string Microseconds(double microseconds) =>
        microseconds.ToString(microseconds < 100 ? "F2" : "F0", CultureInfo.InvariantCulture);

    /// <summary>Bytes per second with a decimal unit: kB/s, MB/s or GB/s.</summary>
    public static string Bandwidth(double bytesPerSecond) => bytesPerSecond switch
    {
        >= 1e9 => Format(bytesPerSecond / 1e9, "GB/s"),
        >= 1e6 => Format(bytesPerSecond / 1e6, "MB/s"),
        _ => Format(bytesPerSecond / 1e3, "kB/s"),
    };

    private static string Format(long value, string unit) => string.Create(CultureInfo.InvariantCulture, $"{value} {unit}");

    private static string Format(double value, string unit) => string.Create(CultureInfo.InvariantCulture, $"{value:F2} {unit}");
}
