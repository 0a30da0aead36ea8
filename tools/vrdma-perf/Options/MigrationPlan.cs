using System.Globalization;

namespace RoceEngine.PerfTool.Options;

/// <summary>A daemon as others reach it to bring devices.</summary>
/// <param name="Host">A name or IP address.</param>
/// <param name="Port">TCP.</param>
internal sealed record MigrationTarget(string Host, int Port)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");

    /// <summary>Reads <c>HOST:PORT</c>, an IPv6 address in brackets; null when it is none.</summary>
    public static MigrationTarget? TryParse(string text)
    {
        int colon = text.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port) || port is < 1 or > 65535)
            return null;
        string host = text[..colon];
        bool isBracketed = host is ['[', _, .., ']'];
        if (host.StartsWith('-') || host.Any(char.IsWhiteSpace) || (!isBracketed && host.AsSpan().ContainsAny("[]:")))
            return null;
        return new MigrationTarget(isBracketed ? host[1..^1] : host, port);
    }
}

/// <summary>How guest memory gets to the other daemon.</summary>
internal enum MigrationMemory
{
    /// <summary>As the guest can: copied if possible.</summary>
    Auto,

    /// <summary>In rounds, while the guest runs.</summary>
    Copy,

    /// <summary>The guest takes it along.</summary>
    Share,
}

/// <summary>That the client's device moves while its stream runs.</summary>
internal sealed record MigrationPlan
{
    /// <summary>From one move's beginning to the next one's.</summary>
    public required TimeSpan Period { get; init; }

    /// <summary>The daemons in turn; empty when private ones are started.</summary>
    public IReadOnlyList<MigrationTarget> Targets { get; init; } = [];

    /// <summary>Without TLS.</summary>
    public bool IsInsecure { get; init; }

    public MigrationMemory Memory { get; init; }
}
