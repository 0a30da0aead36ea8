using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace RoceEngine.HostStream;

/// <summary>A host as a user names it, and a port of it.</summary>
/// <param name="Host">A name or an IP address, without brackets.</param>
/// <param name="Port">TCP, 1 to 65535.</param>
public sealed record HostAndPort(string Host, int Port)
{
    /// <summary>As <see cref="TryParse"/> reads it.</summary>
    public override string ToString() => Host.Contains(':', StringComparison.Ordinal)
        ? string.Create(CultureInfo.InvariantCulture, $"[{Host}]:{Port}")
        : string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");

    /// <summary>
    /// Reads <c>HOST:PORT</c>, where an IPv6 address is in brackets. With a default port the port may be missing, and the brackets with it. Whether there
    /// is such a host is another question.
    /// </summary>
    /// <param name="text">What the user wrote.</param>
    /// <param name="defaultPort">The port where none is written; null when one must be.</param>
    /// <param name="result">What it says.</param>
    /// <returns>False when it is no host, its port is none, or it has none and must.</returns>
    public static bool TryParse(string text, int? defaultPort, [NotNullWhen(true)] out HostAndPort? result)
    {
        int colon = text.LastIndexOf(':');
        bool isBareIPv6 = defaultPort is not null && !text.StartsWith('[') && text.IndexOf(':', StringComparison.Ordinal) != colon;
        bool hasPort = colon >= 0 && !isBareIPv6 && !text.EndsWith(']');
        int port = defaultPort ?? 0;
        if (hasPort)
            _ = int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port);
        string host = hasPort ? text[..colon] : text;
        bool isBracketed = host is ['[', _, .., ']'];
        host = isBracketed ? host[1..^1] : host;
        result = port is >= 1 and <= 65535 && IsHost(host, isBracketed || isBareIPv6) ? new HostAndPort(host, port) : null;
        return result is not null;
    }

    private static bool IsHost(string host, bool allowsColons) =>
        host.Length > 0 && !host.StartsWith('-') && !host.Any(char.IsWhiteSpace) && !host.AsSpan().ContainsAny('[', ']')
        && (allowsColons || !host.Contains(':', StringComparison.Ordinal));
}
