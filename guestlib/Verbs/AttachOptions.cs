using System.Net;

namespace RoceEngine.Verbs;

/// <summary>How to attach to a device of a daemon.</summary>
public sealed record AttachOptions
{
    /// <summary>Guest RAM when nothing else is asked for: 64 MiB.</summary>
    public const long DefaultMemoryBytes = 64L << 20;

    /// <summary>The daemon's socket; null for <c>VRDMA_SOCKET</c>, or else the default path.</summary>
    public string? SocketPath { get; init; }

    /// <summary>The address that the device shall have: one of the daemon's, not in use. Null for the first free one.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>Guest RAM in bytes: rings, page directories and everything that <see cref="RdmaContext.AllocateMemory"/> gives out.</summary>
    public long MemoryBytes { get; init; } = DefaultMemoryBytes;

    /// <summary>A name for the device in the daemon's listings; null lets the daemon choose.</summary>
    public string? Name { get; init; }
}
