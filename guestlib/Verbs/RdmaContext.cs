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

    /// <summary>A name for the device in the daemon's listings; null for one made of the process id.</summary>
    public string? Name { get; init; }
}

/// <summary>
/// An open device. <c>ibv_open_device</c>, <c>ibv_close_device</c>. Safe for concurrent use.
/// Every method throws <see cref="DeviceLostException"/> once the device is gone, and <see cref="ObjectDisposedException"/> after Dispose.
/// </summary>
public sealed partial class RdmaContext : IDisposable
{
    /// <summary>Attaches to a device of the daemon at <see cref="AttachOptions.SocketPath"/>. <c>ibv_open_device</c>.</summary>
    /// <param name="options">Which daemon, address and how much guest RAM.</param>
    /// <exception cref="VerbsException">The daemon is not there or refused; the message says why.</exception>
    public static RdmaContext Attach(AttachOptions options) => throw new NotSupportedException();

    /// <summary>The device's name.</summary>
    public string Name => throw new NotSupportedException();

    /// <summary>The device's own IP address: GID 0.</summary>
    public IPAddress Address => throw new NotSupportedException();

    /// <summary>True once the device is gone.</summary>
    public bool IsLost => throw new NotSupportedException();

    /// <summary>What the device is and can hold. <c>ibv_query_device</c>.</summary>
    public DeviceAttributes QueryDevice() => throw new NotSupportedException();

    /// <summary>State and limits of a port. <c>ibv_query_port</c>.</summary>
    /// <param name="port">1.</param>
    /// <exception cref="VerbsException">EINVAL: there is no such port.</exception>
    public PortAttributes QueryPort(int port = 1) => throw new NotSupportedException();

    /// <summary>An entry of the GID table, as an IP address (a mapped GID is IPv4). <c>ibv_query_gid</c>.</summary>
    /// <param name="index">0.</param>
    /// <exception cref="VerbsException">EINVAL: no GID has that index.</exception>
    public IPAddress QueryGid(int index = 0) => throw new NotSupportedException();

    /// <summary>Makes a protection domain. <c>ibv_alloc_pd</c>.</summary>
    /// <exception cref="VerbsException">ENOMEM: no more fit.</exception>
    public ProtectionDomain AllocateProtectionDomain() => throw new NotSupportedException();

    /// <summary>Makes a completion channel. <c>ibv_create_comp_channel</c>.</summary>
    public CompletionChannel CreateCompletionChannel() => throw new NotSupportedException();

    /// <summary>Makes a completion queue. <c>ibv_create_cq</c>.</summary>
    /// <param name="entries">Completions that it shall hold; rounded up to a power of two.</param>
    /// <param name="channel">Where its notifications go; null when it is polled, or waited on by itself.</param>
    /// <exception cref="VerbsException">EINVAL: more entries than the device allows, or none. ENOMEM: no room.</exception>
    public CompletionQueue CreateCompletionQueue(int entries, CompletionChannel? channel = null) => throw new NotSupportedException();

    /// <summary>Allocates guest RAM: page aligned and zeroed. The only memory that can be registered.</summary>
    /// <param name="bytes">Bytes, at least 1; rounded up to pages.</param>
    /// <exception cref="VerbsException">ENOMEM: no contiguous range of that size is free.</exception>
    public GuestMemory AllocateMemory(long bytes) => throw new NotSupportedException();

    /// <summary>Takes an asynchronous event if there is one. <c>ibv_get_async_event</c>, <c>ibv_ack_async_event</c>, not blocking.</summary>
    /// <param name="asyncEvent">The event.</param>
    /// <returns>False when there is none.</returns>
    public bool TryGetAsyncEvent(out AsyncEvent asyncEvent) => throw new NotSupportedException();

    /// <summary>Takes the next asynchronous event, waiting for it. <c>ibv_get_async_event</c>, <c>ibv_ack_async_event</c>.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="DeviceLostException">The device is gone, and its <see cref="AsyncEventType.DeviceFatal"/> was already taken.</exception>
    public ValueTask<AsyncEvent> WaitAsyncEventAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>
    /// Closes the device. <c>ibv_close_device</c>. Unlike there, objects still open are closed with it, and memory of
    /// <see cref="GuestMemory"/> becomes inaccessible.
    /// </summary>
    public void Dispose() => throw new NotSupportedException();
}
