using System.Net;
using System.Net.Sockets;
using RoceEngine.Wire;

namespace RoceEngine.Vrdmad;

/// <summary>Addresses on the command line: one, or FIRST-LAST.</summary>
internal static class AddressRanges
{
    /// <summary>Addresses of one range at most.</summary>
    public const int AddressesMax = 4096;

    /// <summary>Reads one argument; on failure <paramref name="problem"/> is a sentence that names it.</summary>
    public static bool TryParse(string text, List<Gid> into, out string problem)
    {
        int dash = text.IndexOf('-');
        string firstText = dash < 0 ? text : text[..dash];
        string lastText = dash < 0 ? text : text[(dash + 1)..];
        if (!TryParseOne(firstText, out Gid first) || !TryParseOne(lastText, out Gid last))
        {
            problem = $"'{text}' is not an IP address, nor a range FIRST-LAST of them";
            return false;
        }
        if (first.IsIPv4 != last.IsIPv4 || first.High != last.High || last.Low < first.Low)
        {
            problem = $"'{text}': the range does not go up from its first address to its last";
            return false;
        }
        if (last.Low - first.Low >= AddressesMax)
        {
            problem = $"'{text}': a range has at most {AddressesMax} addresses";
            return false;
        }
        for (ulong low = first.Low; ; low++)
        {
            into.Add(new Gid(first.High, low));
            if (low == last.Low)
                break;
        }
        problem = "";
        return true;
    }

    // Dotted quads only: IPAddress.Parse would take "1" for 0.0.0.1, which nobody means.
    private static bool TryParseOne(string text, out Gid address)
    {
        address = default;
        if (!IPAddress.TryParse(text, out IPAddress? parsed))
            return false;
        if (parsed.AddressFamily == AddressFamily.InterNetwork && text.Count(character => character == '.') != 3)
            return false;
        address = Gid.From(parsed);
        bool isAny = parsed.Equals(IPAddress.Any) || parsed.Equals(IPAddress.IPv6Any);
        bool isMulticast = address.IsIPv4 ? address.IPv4 >= 0xE000_0000 : parsed.IsIPv6Multicast;
        return !isAny && !isMulticast;
    }
}
