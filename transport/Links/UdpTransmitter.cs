using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RoceEngine.Interop;
using RoceEngine.Wire;

namespace RoceEngine.Links;

/// <summary>
/// Turns packets into trains of equal-sized datagrams. A destination has one open train; the order of the packets to a destination is
/// the order of emission. A train's ICRCs are computed as it grows, since a datagram's place in it is its IPv4 identification.
/// </summary>
internal sealed unsafe partial class UdpTransmitter : IDisposable
{
    /// <summary>A run fills about one train of packets of 4096 bytes.</summary>
    public const int RunPacketsMax = 16;

    private const int TrainsMax = 64;
    private const int ArenaBytes = 65_536;

    /// <summary>IOV_MAX, which bounds one message.</summary>
    private const int VectorsPerTrain = 1024;

    /// <summary>More pieces than this are gathered by copying, so that every packet fits into an empty train.</summary>
    private const int GatherSegmentsMax = 64;

    /// <summary>Datagrams up to this length get their ICRCs together, when their train leaves.</summary>
    private const int SummedLaterBytesMax = 512;

    /// <summary>
    /// Waiting bytes, four full trains, beyond which emission sends what it has before it opens another train: the receiver starts early and the arena
    /// stays in the cache. A train of many small datagrams leaves as soon as it is full.
    /// </summary>
    private const int EagerFlushBytes = 240 * 1024;

    private readonly int _socket;
    private readonly Gid _address;
    private readonly int _copyBytesMax;
    private readonly UdpLinkStatistics _statistics;
    private readonly Action _prepareMulticast;
    private readonly Train[] _trains = new Train[TrainsMax];
    private readonly UdpDestination[] _destinations = new UdpDestination[TrainsMax];
    private PacketMemory _memory;
    private MultipleMessageHeader* _messages;
    private int _trainCount;
    private int _waitingBytes;
    private long _batch;
    private bool _congested;
    private bool _isMulticastReady;

    /// <summary>Datagrams on their way into one message. All but the last have the same size.</summary>
    private struct Train
    {
        public IoVector* Vectors;
        public byte* Arena;
        public byte* Control;
        public int VectorCount;
        public int ArenaUsed;
        public int DatagramBytes;
        public int TotalBytes;
        public int Datagrams;

        /// <summary>So many of the datagrams, from the first on, get their ICRCs when the train leaves.</summary>
        public int Unsummed;
        public bool IsClosed;
    }

    public UdpTransmitter(int socket, in Gid address, UdpLinkOptions options, UdpLinkStatistics statistics, Action prepareMulticast)
    {
        _prepareMulticast = prepareMulticast;
        _socket = socket;
        _address = address;
        _copyBytesMax = Math.Clamp(options.CopyBytesMax, 0, RoceUdp.PayloadBytesMax);
        _statistics = statistics;
        GsoActive = options.UseGso && UdpSocket.KnowsGso(socket);
        AllocateTrains();
    }

    /// <summary>True while trains leave as one message; false after the kernel or the device refused.</summary>
    public bool GsoActive { get; private set; }

    /// <summary>Sees every datagram as it is emitted.</summary>
    public IPacketTap? Tap { get; set; }

    /// <summary>False from the moment the kernel had no buffer for a datagram until the end of the turn.</summary>
    public bool HasRoom => !_congested;

    public void Emit(in Packet packet, Route route)
    {
        if (route.LinkState is not UdpDestination destination || destination.Owner != this)
        {
            if (MakeDestination(route) is not { } made)
                return;
            destination = made;
        }

        if (packet.PsnCount > 1 && packet.PayloadBytes != 0)
            EmitRun(packet, route, destination);
        else
            EmitOne(packet, route, destination);
    }

    private void EmitOne(in Packet packet, Route route, UdpDestination destination)
    {
        int headerBytes = OpcodeTable.For(packet.Opcode).HeaderBytes;
        if (headerBytes == 0 || (uint)packet.PayloadBytes > RoceUdp.PayloadBytesMax)
        {
            CountDrop(1, headerBytes == 0 ? Errno.EINVAL : Errno.EMSGSIZE);
            return;
        }

        int padBytes = PacketCodec.PadBytes(packet.PayloadBytes);
        int datagramBytes = headerBytes + packet.PayloadBytes + padBytes + Icrc.Length;

        ref Train train = ref TrainFor(destination, datagramBytes);
        ushort identification = GsoActive ? (ushort)train.Datagrams : (ushort)0;
        byte* header = train.Arena + train.ArenaUsed;
        PacketCodec.EncodeHeaders(packet, new Span<byte>(header, headerBytes));
        bool copies = packet.PayloadBytes <= _copyBytesMax || packet.SegmentCount > GatherSegmentsMax;
        int arenaBytes = datagramBytes;
        if (copies && IsSummedLater(train, datagramBytes))
        {
            AppendUnsummed(ref train, packet, header, headerBytes, padBytes, datagramBytes);
        }
        else
        {
            uint state = Icrc.Begin(destination.Pseudo, new ReadOnlySpan<byte>(header, headerBytes), datagramBytes, identification);
            arenaBytes = copies
                ? AppendCopied(ref train, packet, header, headerBytes, padBytes, state)
                : AppendInPlace(ref train, packet, header, headerBytes, padBytes, state);
        }
        Grow(ref train, route, identification, arenaBytes, datagramBytes);
    }

    /// <summary>A datagram was appended.</summary>
    private void Grow(ref Train train, Route route, ushort identification, int arenaBytes, int datagramBytes)
    {
        train.ArenaUsed += arenaBytes;
        train.TotalBytes += datagramBytes;
        train.Datagrams++;
        _waitingBytes += datagramBytes;

        if (Tap != null)
            ShowLastDatagram(train, route, identification, datagramBytes);
        if (train.Datagrams == RoceUdp.TrainDatagramsMax)
            SendTrains();
    }

    /// <summary>Sends all that waits. What the kernel does not take is dropped and counted: payload memory is not ours afterwards.</summary>
    public void Flush()
    {
        if (_trainCount != 0)
            SendTrains();
        _congested = false;
    }

    public void Dispose()
    {
        FreeCutBuffers();
        _memory.Free();
        _trainCount = 0;
    }

    /// <summary>The train that takes a datagram of that size: the destination's open one, or a new one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Train TrainFor(UdpDestination destination, int datagramBytes)
    {
        if (destination.Batch == _batch)
        {
            ref Train train = ref _trains[destination.OpenTrain];
            if (HasRoomFor(datagramBytes, train))
            {
                train.IsClosed = datagramBytes < train.DatagramBytes;
                return ref train;
            }
        }
        return ref OpenTrain(destination, datagramBytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool HasRoomFor(int datagramBytes, in Train train) =>
        !train.IsClosed && datagramBytes <= train.DatagramBytes && train.Datagrams < RoceUdp.TrainDatagramsMax
        && train.TotalBytes + datagramBytes <= RoceUdp.TrainBytesMax && train.VectorCount + GatherSegmentsMax + 2 <= VectorsPerTrain;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ref Train OpenTrain(UdpDestination destination, int datagramBytes)
    {
        if (_trainCount == TrainsMax || _waitingBytes >= EagerFlushBytes)
            SendTrains();
        ref Train train = ref _trains[_trainCount];
        train.VectorCount = 0;
        train.ArenaUsed = 0;
        train.DatagramBytes = datagramBytes;
        train.TotalBytes = 0;
        train.Datagrams = 0;
        train.Unsummed = 0;
        train.IsClosed = false;
        destination.OpenTrain = _trainCount;
        destination.Batch = _batch;
        _destinations[_trainCount++] = destination;
        return ref train;
    }

    /// <summary>Small datagrams of one length side by side; whoever looks on wants to see an ICRC at once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsSummedLater(in Train train, int datagramBytes) =>
        datagramBytes <= SummedLaterBytesMax && datagramBytes == train.DatagramBytes && train.Unsummed == train.Datagrams && Tap == null;

    /// <summary>Header, payload and padding side by side in the arena, and room for the ICRC.</summary>
    private static void AppendUnsummed(ref Train train, in Packet packet, byte* header, int headerBytes, int padBytes, int datagramBytes)
    {
        // Padding ends the word before the ICRC, which payload begins; without padding that may be a header's.
        if (padBytes != 0)
            Unsafe.WriteUnaligned(header + datagramBytes - (2 * Icrc.Length), 0u);
        byte* to = header + headerBytes;
        for (int i = 0; i < packet.SegmentCount; i++)
        {
            MemorySegment segment = packet.Segments[i];
            Unsafe.CopyBlockUnaligned(to, segment.Address, (uint)segment.Bytes);
            to += segment.Bytes;
        }
        AddVector(ref train, header, datagramBytes);
        train.Unsummed++;
    }

    /// <summary>The ICRCs that wait for their train to leave.</summary>
    private void SumTrains()
    {
        for (int i = 0; i < _trainCount; i++)
        {
            ref Train train = ref _trains[i];
            if (train.Unsummed != 0)
                IcrcTrain.Write(_destinations[i].Pseudo, new Span<byte>(train.Arena, train.Unsummed * train.DatagramBytes), train.DatagramBytes, GsoActive);
        }
    }

    /// <summary>Header, payload, padding and ICRC side by side in the arena.</summary>
    private static int AppendCopied(ref Train train, in Packet packet, byte* header, int headerBytes, int padBytes, uint state)
    {
        byte* to = header + headerBytes;
        for (int i = 0; i < packet.SegmentCount; i++)
        {
            MemorySegment segment = packet.Segments[i];
            state = Icrc.UpdateAndCopy(state, new ReadOnlySpan<byte>(segment.Address, segment.Bytes), new Span<byte>(to, segment.Bytes));
            to += segment.Bytes;
        }
        to = AppendTrailer(to, padBytes, state);
        AddVector(ref train, header, (int)(to - header));
        return (int)(to - header);
    }

    /// <summary>Header and trailer in the arena, the payload where it lies.</summary>
    private static int AppendInPlace(ref Train train, in Packet packet, byte* header, int headerBytes, int padBytes, uint state)
    {
        AddVector(ref train, header, headerBytes);
        for (int i = 0; i < packet.SegmentCount; i++)
        {
            MemorySegment segment = packet.Segments[i];
            state = Icrc.Update(state, new ReadOnlySpan<byte>(segment.Address, segment.Bytes));
            AddVector(ref train, segment.Address, segment.Bytes);
        }
        byte* trailer = header + headerBytes;
        byte* end = AppendTrailer(trailer, padBytes, state);
        AddVector(ref train, trailer, (int)(end - trailer));
        return (int)(end - header);
    }

    /// <summary>Writes padding and ICRC; returns their end.</summary>
    private static byte* AppendTrailer(byte* at, int padBytes, uint state)
    {
        if (padBytes != 0)
        {
            var pad = new Span<byte>(at, padBytes);
            pad.Clear();
            state = Icrc.Update(state, pad);
            at += padBytes;
        }
        Icrc.Write(new Span<byte>(at, Icrc.Length), state);
        return at + Icrc.Length;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddVector(ref Train train, byte* address, int bytes)
    {
        if (train.VectorCount != 0)
        {
            ref IoVector last = ref train.Vectors[train.VectorCount - 1];
            if (last.Base + last.Length == address)
            {
                last.Length += (nuint)bytes;
                return;
            }
        }
        train.Vectors[train.VectorCount++] = new IoVector { Base = address, Length = (nuint)bytes };
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private UdpDestination? MakeDestination(Route route)
    {
        if (route.Source != _address || route.Destination.IsIPv4 != _address.IsIPv4)
        {
            CountDrop(1, Errno.EAFNOSUPPORT);
            return null;
        }
        if (route.IsMulticast && !_isMulticastReady)
        {
            _prepareMulticast();
            _isMulticastReady = true;
        }
        var destination = new UdpDestination(this, route);
        route.LinkState = destination;
        return destination;
    }

    /// <summary>Gathers the datagram just appended, for the tap.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ShowLastDatagram(in Train train, Route route, ushort identification, int datagramBytes)
    {
        Span<byte> datagram = stackalloc byte[RoceUdp.DatagramBytesMax];
        int missing = datagramBytes;
        for (int i = train.VectorCount - 1; missing > 0; i--)
        {
            IoVector vector = train.Vectors[i];
            int taken = Math.Min(missing, (int)vector.Length);
            missing -= taken;
            new ReadOnlySpan<byte>(vector.Base + vector.Length - taken, taken).CopyTo(datagram[missing..]);
        }
        Tap!.OnDatagram(
            route.Source, route.Destination, RoceUdp.Port, route.TrafficClass, identification, datagram[..datagramBytes], true, WallClock.NowNs());
    }

    private void AllocateTrains()
    {
        const int vectorBytes = VectorsPerTrain * 16;
        const int trainBytes = ArenaBytes + vectorBytes + 128;
        int messageBytes = TrainsMax * sizeof(MultipleMessageHeader);
        _memory = new PacketMemory(TrainsMax * trainBytes + messageBytes);
        byte* next = _memory.Start;
        for (int i = 0; i < TrainsMax; i++)
        {
            _trains[i].Arena = next;
            _trains[i].Vectors = (IoVector*)(next + ArenaBytes);
            _trains[i].Control = next + ArenaBytes + vectorBytes;
            next += trainBytes;
        }
        _messages = (MultipleMessageHeader*)next;
        new Span<byte>(_messages, messageBytes).Clear();
    }
}
