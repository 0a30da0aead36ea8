using RoceEngine.HostStream;

namespace RoceEngine.PerfTool.Options;

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
    public IReadOnlyList<HostAndPort> Targets { get; init; } = [];

    /// <summary>Without TLS.</summary>
    public bool IsInsecure { get; init; }

    public MigrationMemory Memory { get; init; }
}
