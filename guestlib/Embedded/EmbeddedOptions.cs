using System.Net;
using RoceEngine.Channel;

namespace RoceEngine.Embedded;

/// <summary>Who lets the devices of an embedded host work.</summary>
public enum DriveMode
{
    /// <summary>A thread of the host's own, which spins while there is traffic and sleeps otherwise.</summary>
    Thread,

    /// <summary>
    /// The threads that post and poll, from inside those calls: the lowest latency, since nothing is handed over between threads.
    /// While nobody polls, a standby thread takes over, so that peers are served and waits end in any case.
    /// </summary>
    Inline,
}

/// <summary>How to make an <see cref="EmbeddedHost"/>.</summary>
public sealed record EmbeddedHostOptions
{
    /// <summary>Who drives it.</summary>
    public DriveMode Drive { get; init; } = DriveMode.Thread;

    /// <summary>False sends every datagram as a message of its own, as on a kernel without UDP_SEGMENT.</summary>
    public bool UseGso { get; init; } = true;

    /// <summary>For tests: the probability, 0 … 1, that a datagram from another host is dropped as if the network had lost it.</summary>
    public double LossRate { get; init; }

    /// <summary>
    /// Gets a line for each work request that fails and each mistake of the guest, with what was wrong; null says nothing. Called in the midst of
    /// the datapath: it must not call back.
    /// </summary>
    public Action<string>? Explain { get; init; }
}

/// <summary>How to open a device of an embedded host.</summary>
public sealed record EmbeddedOptions
{
    /// <summary>The device's own IP address; it must be one of this machine, with its UDP port 4791 free.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>A reservation of <see cref="Address"/>, which no other device has at the time; null binds the address now.</summary>
    public AddressReservation? Reservation { get; init; }

    /// <summary>Guest RAM in bytes, rounded up to whole pages: rings, page directories and all registered memory.</summary>
    public long MemoryBytes { get; init; } = ChannelProtocol.GuestRamBytesDefault;

    /// <summary>The device's name; null for one made of a running number.</summary>
    public string? Name { get; init; }

    /// <summary>Who drives the host that is made for this device; not looked at when <see cref="Host"/> is given.</summary>
    public DriveMode Drive { get; init; } = DriveMode.Thread;

    /// <summary>As in <see cref="EmbeddedHostOptions.Explain"/>, of the host that is made for this device.</summary>
    public Action<string>? Explain { get; init; }

    /// <summary>The host to put the device into, where devices reach each other by memory copy; null makes one for this device alone.</summary>
    public EmbeddedHost? Host { get; init; }
}
