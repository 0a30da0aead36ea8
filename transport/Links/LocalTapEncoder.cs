using System.Runtime.InteropServices;
using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>Shows a tap the packets of the local link as they would have been on the wire. Made when the first tap is set.</summary>
internal sealed unsafe class LocalTapEncoder : IDisposable
{
    private readonly byte[] _datagram = new byte[RoceUdp.DatagramBytesMax];
    private MemorySegment* _pieceSegments = (MemorySegment*)NativeMemory.Alloc(
        LocalSwitch.SegmentsPerPacketMax, (nuint)sizeof(MemorySegment));

    /// <summary>Cuts a run into packets, encodes each with its ICRC and identification 0, and shows them in order.</summary>
    public void Show(IPacketTap tap, in Packet run, Route route)
    {
        var pseudo = new IcrcPseudo(route.Source, route.Destination, RoceUdp.Port);
        long nowNs = WallClock.NowNs();
        var cutter = new RunCutter(run, _pieceSegments);
        while (cutter.TryNext(out Packet piece))
        {
            int bytes = DatagramEncoder.Encode(piece, pseudo, 0, _datagram);
            tap.OnDatagram(
                route.Source, route.Destination, RoceUdp.Port, route.TrafficClass, 0, _datagram.AsSpan(0, bytes), outgoing: true, nowNs);
        }
    }

    public void Dispose()
    {
        NativeMemory.Free(_pieceSegments);
        _pieceSegments = null;
    }
}
