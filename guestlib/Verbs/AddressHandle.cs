using System.Net;
using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <summary>The way to a destination of datagrams. <c>struct ibv_ah_attr</c>.</summary>
public sealed record AddressHandleAttributes
{
    /// <summary>The destination's address: its GID, of which IPv4 is the mapped form; or a multicast group.</summary>
    public required IPAddress DestinationAddress { get; init; }

    /// <summary>Index of the own GID to send from; 0.</summary>
    public byte SourceGidIndex { get; init; }

    /// <summary>IP traffic class (DSCP and ECN) of packets sent.</summary>
    public byte TrafficClass { get; init; }

    /// <summary>IP time to live or hop limit of packets sent.</summary>
    public byte HopLimit { get; init; } = 64;

    /// <summary>IPv6 flow label, 20 bits.</summary>
    public uint FlowLabel { get; init; }

    /// <summary>Service level, 0…15; without effect.</summary>
    public byte ServiceLevel { get; init; }

    /// <summary>Port; 1.</summary>
    public byte Port { get; init; } = 1;
}

/// <summary>
/// A destination of datagrams: <see cref="SendRequest.Destination"/> of the UD QPs in the same protection domain. <c>ibv_create_ah</c>,
/// <c>ibv_destroy_ah</c>. Costs no command of the device.
/// </summary>
public sealed class AddressHandle : IDisposable
{
    /// <summary>Bytes that precede the message in every UD receive: the sender's IPv6 header, or 20 undefined bytes and its IPv4 header. <c>sizeof(struct ibv_grh)</c>.</summary>
    public const int GlobalRouteHeaderBytes = 40;

    /// <summary>The QP number of every datagram to a multicast group.</summary>
    public const uint MulticastQueuePair = 0xFF_FFFF;

    private const uint FlowLabelMask = 0xF_FFFF;

    private readonly PvrdmaAddressVector _vector;
    private readonly LedgerEntry _entry;
    private volatile bool _disposed;

    internal AddressHandle(ProtectionDomain domain, AddressHandleAttributes attributes)
    {
        if (attributes.Port != 1 || attributes.ServiceLevel > 15 || attributes.FlowLabel > FlowLabelMask)
        {
            throw new VerbsException(
                Errno.Invalid, $"ibv_create_ah: port {attributes.Port}, service level {attributes.ServiceLevel}, flow label {attributes.FlowLabel}");
        }

        ProtectionDomain = domain;
        Attributes = attributes;
        lock (domain.Context.Driver.CommandLock)
        {
            domain.ThrowIfClosed();
            Ledger ledger = domain.Context.Driver.Ledger;
            _entry = ledger.Reserve();
            try
            {
                domain.Context.AddAddressHandle();
            }
            catch
            {
                ledger.Remove(_entry);
                throw;
            }

            domain.AddDependent();
            _vector = VectorOf(domain, attributes);
            ledger.Write(_entry, GuestLedgerKind.AddressHandle, new GuestLedgerEntry
            {
                Handle = domain.Handle,
                Destination = _vector.DestinationGid,
                FlowLabel = attributes.FlowLabel,
                TrafficClass = attributes.TrafficClass,
                HopLimit = attributes.HopLimit,
                ServiceLevel = attributes.ServiceLevel,
                GidIndex = attributes.SourceGidIndex,
            });
        }
    }

    /// <summary>One that another process made.</summary>
    internal AddressHandle(ProtectionDomain domain, in GuestLedgerEntry found, LedgerEntry entry)
    {
        ProtectionDomain = domain;
        Attributes = new AddressHandleAttributes
        {
            DestinationAddress = GidConversion.FromGid(found.Destination) ?? IPAddress.IPv6Any,
            SourceGidIndex = found.GidIndex,
            TrafficClass = found.TrafficClass,
            HopLimit = found.HopLimit,
            FlowLabel = found.FlowLabel & FlowLabelMask,
            ServiceLevel = (byte)(found.ServiceLevel & 0xF),
        };
        _vector = VectorOf(domain, Attributes);
        _entry = entry;
        domain.Context.AddAddressHandle();
        domain.AddDependent();
    }

    /// <summary>
    /// A number of the application's own; 0 at first. It is kept with the device: a process that takes it over (<see cref="RdmaContext.AttachRestored"/>)
    /// knows the handle by it.
    /// </summary>
    public ulong Tag
    {
        get => _entry.Tag;
        set => ProtectionDomain.Context.Driver.Ledger.SetTag(_entry, value);
    }

    /// <summary>The protection domain.</summary>
    public ProtectionDomain ProtectionDomain { get; }

    /// <summary>What it was made with. <c>ibv_query_ah</c>.</summary>
    public AddressHandleAttributes Attributes { get; }

    internal bool IsDisposed => _disposed;

    internal ref readonly PvrdmaAddressVector Vector => ref _vector;

    /// <summary>Destroys the handle; datagrams posted with it before still go out. <c>ibv_destroy_ah</c>.</summary>
    public void Dispose()
    {
        lock (ProtectionDomain.Context.Driver.CommandLock)
        {
            if (!_disposed)
            {
                _disposed = true;
                ProtectionDomain.Context.Driver.Ledger.Remove(_entry);
                ProtectionDomain.RemoveDependent();
                ProtectionDomain.Context.RemoveAddressHandle();
            }
        }
    }

    private static PvrdmaAddressVector VectorOf(ProtectionDomain domain, AddressHandleAttributes attributes) => new()
    {
        PortAndPd = ((uint)attributes.Port << 24) | (domain.Handle & 0xFF_FFFF),
        ServiceLevelClassFlow = ((uint)attributes.ServiceLevel << 28) | ((uint)attributes.TrafficClass << 20) | attributes.FlowLabel,
        DestinationGid = GidConversion.ToGid(attributes.DestinationAddress),
        GidIndex = attributes.SourceGidIndex,
        HopLimit = attributes.HopLimit,
    };
}
