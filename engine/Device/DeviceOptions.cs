using System.Security.Cryptography;
using RoceEngine.Wire;

namespace RoceEngine.Device;

/// <summary>What a device is made with.</summary>
public sealed record DeviceOptions
{
    /// <summary>The name that tools show.</summary>
    public required string Name { get; init; }

    /// <summary>The device's own address: source of what it sends, and entry 0 of its GID table.</summary>
    public required Gid Gid { get; init; }

    public DeviceLimits Limits { get; init; } = new();

    /// <summary>Active MTU of the port in bytes, 256 … 4096: what one datagram of the link can carry.</summary>
    public int ActiveMtuBytes { get; init; } = 4096;

    /// <summary>How UAR writes reach the device.</summary>
    public UarMode UarMode { get; init; } = UarMode.Trapped;

    /// <summary>
    /// True only where the guest is the process that the device runs in: it may then register any memory of that process by its address, which the
    /// device takes as it is. There is nothing to guard against, since such a guest could write there by itself; any other guest must never have this.
    /// </summary>
    public bool GuestSharesProcess { get; init; }

    /// <summary>How the protocol's part of a QP is made.</summary>
    public QueuePairCreator QueuePairFactory { get; init; } = EngineQueuePairs.TryCreate;

    /// <summary>Where QPNs and keys come from. Only a simulation, which must replay, gives another.</summary>
    public IRandomSource Random { get; init; } = CryptographicRandomSource.Instance;
}

/// <summary>How UAR writes reach the device.</summary>
public enum UarMode
{
    /// <summary>Each write is seen, in order.</summary>
    Trapped,

    /// <summary>
    /// The page is plain shared memory and later writes replace earlier ones. Any value seen means "look at all rings", and CQs count as armed.
    /// </summary>
    Mapped,
}

/// <summary>A source of numbers that nobody can guess.</summary>
public interface IRandomSource
{
    /// <summary>Fills the span.</summary>
    void Fill(Span<byte> bytes);
}

/// <summary>The operating system's CSPRNG.</summary>
public sealed class CryptographicRandomSource : IRandomSource
{
    public static CryptographicRandomSource Instance { get; } = new();

    public void Fill(Span<byte> bytes) => RandomNumberGenerator.Fill(bytes);
}
