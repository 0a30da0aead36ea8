using System.Globalization;

namespace RoceEngine.Vrdma.Demo.Moving;

/// <summary>
/// What a streaming guest and its parent say to each other, a line each, words separated by spaces. Parent: <c>connect QP RKEY ADDRESS</c>, <c>go</c>,
/// <c>stop</c>. Guest: <c>end QP RKEY ADDRESS</c>, <c>sample SECONDS BYTES GAP</c>, <c>done MESSAGES BYTES ATOMICS</c>, <c>error SENTENCE</c>.
/// </summary>
internal static class StreamLine
{
    public static string Write(string verb, params IFormattable[] values) =>
        string.Join(' ', values.Select(value => value.ToString(null, CultureInfo.InvariantCulture)).Prepend(verb));

    public static string WriteEnd(string verb, GuestEnd end) => $"{verb} {end.QueuePair} {Write("", end.RemoteKey, end.MemoryAddress).Trim()}";

    public static GuestEnd ReadEnd(string line)
    {
        string[] words = line.Split(' ');
        return new GuestEnd
        {
            QueuePair = words[1],
            RemoteKey = uint.Parse(words[2], CultureInfo.InvariantCulture),
            MemoryAddress = ulong.Parse(words[3], CultureInfo.InvariantCulture),
        };
    }

    public static double[] ReadNumbers(string line) => [.. line.Split(' ').Skip(1).Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
}

/// <summary>What a guest counted by the end.</summary>
/// <param name="Messages">Checked, each once and in order.</param>
/// <param name="Bytes">Of their payload.</param>
/// <param name="Atomics">Applied, by the values that came back or the counter's last value.</param>
internal readonly record struct StreamTotal(long Messages, long Bytes, long Atomics);
