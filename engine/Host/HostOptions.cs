using System.Net;
using RoceEngine.Channel;
using RoceEngine.HostStream;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace RoceEngine.Host;

/// <summary>What a host is made of. Addresses are given to guests in this order.</summary>
public sealed record HostOptions
{
    /// <summary>Addresses for guests, without doubles. Each must be an address of this machine, unless <see cref="OwnsAddresses"/>.</summary>
    public required IReadOnlyList<Gid> Addresses { get; init; }

    /// <summary>
    /// The host puts the address of each device on a network interface and takes it off with the device, which needs CAP_NET_ADMIN.
    /// </summary>
    public bool OwnsAddresses { get; init; }

    /// <summary>Where guests and tools connect.</summary>
    public string SocketPath { get; init; } = ChannelProtocol.DefaultSocketPath();

    /// <summary>User ids that may attach, beside root and the host's own.</summary>
    public IReadOnlyList<uint> AllowedUserIds { get; init; } = [];

    /// <summary>Group ids whose members may attach.</summary>
    public IReadOnlyList<uint> AllowedGroupIds { get; init; } = [];

    /// <summary>Datapath threads. Devices go to them in turn.</summary>
    public int WorkerCount { get; init; } = 1;

    /// <summary>Guest RAM of one guest at most, in bytes.</summary>
    public long GuestRamBytesMax { get; init; } = 16L << 30;

    /// <summary>How the UDP sockets are used.</summary>
    public UdpLinkOptions Link { get; init; } = new();

    /// <summary>Where other daemons bring devices; null to take none.</summary>
    public IPEndPoint? MigrationEndPoint { get; init; }

    /// <summary>Certificates for migrations in both directions; null for none.</summary>
    public StreamSecurity? MigrationSecurity { get; init; }

    /// <summary>Migrations without TLS may be asked for.</summary>
    public bool AllowsInsecureMigration { get; init; }

    /// <summary>Where the host remembers which snapshots were restored; null to remember nothing.</summary>
    public string? StateDirectory { get; init; }

    /// <summary>What <c>info</c> gives as the version.</summary>
    public string Version { get; init; } = "0";
}
