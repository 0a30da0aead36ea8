using System.Runtime.InteropServices;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace RoceEngine.Host;

/// <summary>What a record of a capture's ring begins with; the UDP payload follows.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CapturedDatagram
{
    public Gid Source;
    public Gid Destination;
    public long TimeNs;
    public ushort SourcePort;
    public ushort Identification;
    public byte Tos;
    public byte IsOutgoing;
}

/// <summary>One worker's part of a capture: the worker copies datagrams into a ring, the conductor takes them out. Never makes the worker wait.</summary>
internal sealed unsafe class CaptureTap : IDisposable
{
    private readonly SpscRing _ring;
    private long _dropped;

    /// <param name="ringBytes">A power of two.</param>
    /// <param name="onlyDevice">The address of the one device to capture; null for all.</param>
    public CaptureTap(int ringBytes, Gid? onlyDevice)
    {
        _ring = new SpscRing(ringBytes);
        OnlyDevice = onlyDevice;
    }

    /// <summary>Datagrams that found the ring full.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>The one device to capture; null for all.</summary>
    public Gid? OnlyDevice { get; }

    /// <summary>Worker: keeps a datagram, or counts it as dropped.</summary>
    public void Take(in CapturedDatagram datagram, ReadOnlySpan<byte> udpPayload)
    {
        int bytes = sizeof(CapturedDatagram) + udpPayload.Length;
        byte* record = _ring.TryClaim(bytes);
        if (record == null)
        {
            Volatile.Write(ref _dropped, _dropped + 1);
            return;
        }
        *(CapturedDatagram*)record = datagram;
        udpPayload.CopyTo(new Span<byte>(record + sizeof(CapturedDatagram), udpPayload.Length));
        _ring.Publish(bytes);
    }

    /// <summary>Conductor: the oldest datagram, valid until <see cref="Release"/>.</summary>
    public bool TryPeek(out CapturedDatagram datagram, out ReadOnlySpan<byte> udpPayload, out ReadOnlySpan<byte> record)
    {
        udpPayload = default;
        datagram = default;
        if (!_ring.TryPeek(out record))
            return false;
        datagram = MemoryMarshal.Read<CapturedDatagram>(record);
        udpPayload = record[sizeof(CapturedDatagram)..];
        return true;
    }

    /// <summary>Conductor: done with the record that was peeked.</summary>
    public void Release(ReadOnlySpan<byte> record) => _ring.Release(record);

    public void Dispose() => _ring.Dispose();
}
