using System.Runtime.InteropServices;

namespace RoceEngine.Abi;

/// <summary>
/// The two indices of one ring. Each is written by one side only; a release store announces the entries written before it, an acquire
/// load sees them.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
public struct PvrdmaRing
{
    [FieldOffset(0)] public uint ProducerTail;
    [FieldOffset(4)] public uint ConsumerHead;

    /// <summary>Acquire: entries before the index are visible after it.</summary>
    public static unsafe uint ReadProducer(PvrdmaRing* ring) => Volatile.Read(ref ring->ProducerTail);

    /// <summary>Acquire: the consumer has finished with the slots before the index.</summary>
    public static unsafe uint ReadConsumer(PvrdmaRing* ring) => Volatile.Read(ref ring->ConsumerHead);

    /// <summary>Release: entries become visible before the index that announces them.</summary>
    public static unsafe void PublishProducer(PvrdmaRing* ring, uint index) => Volatile.Write(ref ring->ProducerTail, index);

    /// <summary>Release: the slots are free only after they have been read.</summary>
    public static unsafe void PublishConsumer(PvrdmaRing* ring, uint index) => Volatile.Write(ref ring->ConsumerHead, index);
}

/// <summary>First bytes of the first page of every queue. A CQ, an SRQ, and the device's event rings use <see cref="Receive"/> only.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
public struct PvrdmaRingState
{
    [FieldOffset(0)] public PvrdmaRing Send;
    [FieldOffset(8)] public PvrdmaRing Receive;
}

/// <summary>First page of a CQ. The stock ring state, and on a cache line of its own the extension's arm word.</summary>
[StructLayout(LayoutKind.Explicit, Size = 4096)]
public struct CompletionQueuePage
{
    /// <summary>Byte offset of <see cref="ArmWord"/>.</summary>
    public const int ArmWordOffset = 128;

    /// <summary>Values of <see cref="ArmWord"/>: not armed.</summary>
    public const uint ArmedNone = 0;

    /// <summary>Values of <see cref="ArmWord"/>: the next completion fires.</summary>
    public const uint ArmedAny = 1;

    /// <summary>Values of <see cref="ArmWord"/>: the next solicited or failed completion fires.</summary>
    public const uint ArmedSolicited = 2;

    [FieldOffset(0)] public PvrdmaRingState State;

    /// <summary>
    /// Written by the guest to arm, exchanged with 0 by the device when it fires. The guest stores it, makes a full fence, and polls once
    /// more; the device publishes entries, makes a full fence, and then looks at it: one of the two sees the other.
    /// </summary>
    [FieldOffset(ArmWordOffset)] public uint ArmWord;
}
