using static RoceEngine.Wire.PacketTraits;

namespace RoceEngine.Wire;

/// <summary>
/// The only source of opcode facts: which message part a packet is, which headers it carries and whether payload may follow.
/// IBTA vol. 1, 9.2.1 table 38, 9.3 (extension headers), annexes A17 (CNP) and A19 (FLUSH, ATOMIC WRITE).
/// </summary>
public static class OpcodeTable
{
    /// <summary>Bytes of the largest header of any opcode, a bound for header buffers.</summary>
    public const int HeaderBytesMax = 56;

    /// <summary>The reserved bytes that follow a CNP's BTH. IBTA annex A17.</summary>
    public const int CongestionNotificationReservedBytes = 16;

    private static readonly OpcodeInfo[] Table = Build();

    /// <summary>The row of an opcode; its <see cref="OpcodeInfo.IsKnown"/> is false for opcodes that are none. Never fails.</summary>
    public static ref readonly OpcodeInfo For(Opcode opcode) => ref Table[(byte)opcode];

    /// <summary>The name of an opcode, or its number in hexadecimal when unknown.</summary>
    public static string NameOf(Opcode opcode) => For(opcode).Name ?? $"0x{(byte)opcode:x2}";

    /// <summary>The transport service in the three high bits.</summary>
    public static OpcodeService ServiceOf(Opcode opcode) => (OpcodeService)((byte)opcode >> 5);

    private static OpcodeInfo[] Build()
    {
        var table = new OpcodeInfo[256];
        AddSendsAndWrites(table, Opcode.RcSendFirst, "RC");
        AddSendsAndWrites(table, Opcode.UcSendFirst, "UC");

        const PacketTraits read = Response | ReadResponse | HasPayload;
        Add(table, Opcode.RcReadRequest, "RC_RDMA_READ_REQUEST", Request | Only | ReadRequest | HasReth);
        Add(table, Opcode.RcReadResponseFirst, "RC_RDMA_READ_RESPONSE_FIRST", read | First | HasAeth);
        Add(table, Opcode.RcReadResponseMiddle, "RC_RDMA_READ_RESPONSE_MIDDLE", read | Middle);
        Add(table, Opcode.RcReadResponseLast, "RC_RDMA_READ_RESPONSE_LAST", read | Last | HasAeth);
        Add(table, Opcode.RcReadResponseOnly, "RC_RDMA_READ_RESPONSE_ONLY", read | Only | HasAeth);
        Add(table, Opcode.RcAcknowledge, "RC_ACKNOWLEDGE", Response | Only | Acknowledge | HasAeth);
        Add(table, Opcode.RcAtomicAcknowledge, "RC_ATOMIC_ACKNOWLEDGE", Response | Only | AtomicResponse | HasAeth | HasAtomicAckEth);
        Add(table, Opcode.RcCompareSwap, "RC_COMPARE_SWAP", Request | Only | Atomic | HasAtomicEth);
        Add(table, Opcode.RcFetchAdd, "RC_FETCH_ADD", Request | Only | Atomic | HasAtomicEth);

        Add(table, Opcode.RcFlush, "RC_FLUSH", Request | Only | Flush | HasFeth | HasReth);
        Add(table, Opcode.RcAtomicWrite, "RC_ATOMIC_WRITE", Request | Only | AtomicWrite | HasReth | HasPayload);

        const PacketTraits masked = Request | Only | Atomic | HasAtomicEth | HasAtomicMasks;
        Add(table, Opcode.RcMaskedCompareSwap, "RC_MASKED_COMPARE_SWAP", masked);
        Add(table, Opcode.RcMaskedFetchAdd, "RC_MASKED_FETCH_ADD", masked);

        Add(table, Opcode.RcPause, "RC_PAUSE", DeviceNotice | Only);
        Add(table, Opcode.RcResume, "RC_RESUME", DeviceNotice | Only);
        const PacketTraits invalidate = Request | Send | HasPayload | ConsumesReceive | HasInvalidateKey;
        Add(table, Opcode.RcSendLastInvalidate, "RC_SEND_LAST_WITH_INVALIDATE", invalidate | Last);
        Add(table, Opcode.RcSendOnlyInvalidate, "RC_SEND_ONLY_WITH_INVALIDATE", invalidate | Only);

        const PacketTraits datagram = Request | Send | Only | HasPayload | ConsumesReceive | HasDeth;
        Add(table, Opcode.UdSendOnly, "UD_SEND_ONLY", datagram);
        Add(table, Opcode.UdSendOnlyImmediate, "UD_SEND_ONLY_WITH_IMMEDIATE", datagram | HasImmediate);

        Add(table, Opcode.CongestionNotification, "CNP", PacketTraits.CongestionNotification);
        return table;
    }

    /// <summary>RC and UC number the parts of SEND and WRITE alike.</summary>
    private static void AddSendsAndWrites(OpcodeInfo[] table, Opcode service, string prefix)
    {
        const PacketTraits send = Request | Send | HasPayload | ConsumesReceive;
        const PacketTraits write = Request | Write | HasPayload;
        const PacketTraits immediate = HasImmediate | ConsumesReceive;
        ReadOnlySpan<(Opcode Operation, string Name, PacketTraits Traits)> rows =
        [
            (Opcode.RcSendFirst, "SEND_FIRST", send | First),
            (Opcode.RcSendMiddle, "SEND_MIDDLE", send | Middle),
            (Opcode.RcSendLast, "SEND_LAST", send | Last),
            (Opcode.RcSendLastImmediate, "SEND_LAST_WITH_IMMEDIATE", send | Last | immediate),
            (Opcode.RcSendOnly, "SEND_ONLY", send | Only),
            (Opcode.RcSendOnlyImmediate, "SEND_ONLY_WITH_IMMEDIATE", send | Only | immediate),
            (Opcode.RcWriteFirst, "RDMA_WRITE_FIRST", write | First | HasReth),
            (Opcode.RcWriteMiddle, "RDMA_WRITE_MIDDLE", write | Middle),
            (Opcode.RcWriteLast, "RDMA_WRITE_LAST", write | Last),
            (Opcode.RcWriteLastImmediate, "RDMA_WRITE_LAST_WITH_IMMEDIATE", write | Last | immediate),
            (Opcode.RcWriteOnly, "RDMA_WRITE_ONLY", write | Only | HasReth),
            (Opcode.RcWriteOnlyImmediate, "RDMA_WRITE_ONLY_WITH_IMMEDIATE", write | Only | HasReth | immediate),
        ];
        foreach (var row in rows)
        {
            Add(table, service | row.Operation, $"{prefix}_{row.Name}", row.Traits);
        }
    }

    private static void Add(OpcodeInfo[] table, Opcode opcode, string name, PacketTraits traits)
    {
        traits |= (traits & (First | Only)) != 0 ? StartsMessage : None;
        traits |= (traits & (Last | Only)) != 0 ? EndsMessage : None;
        table[(byte)opcode] = new OpcodeInfo(name, traits, HeaderBytes(traits));
    }

    private static int HeaderBytes(PacketTraits traits)
    {
        int bytes = BthView.Length;
        bytes += (traits & HasDeth) != 0 ? DethView.Length : 0;
        bytes += (traits & HasFeth) != 0 ? FethView.Length : 0;
        bytes += (traits & HasReth) != 0 ? RethView.Length : 0;
        bytes += (traits & HasAtomicEth) != 0 ? AtomicEthView.Length : 0;
        bytes += (traits & HasAtomicMasks) != 0 ? AtomicMasksView.Length : 0;
        bytes += (traits & HasAeth) != 0 ? AethView.Length : 0;
        bytes += (traits & HasAtomicAckEth) != 0 ? AtomicAckEthView.Length : 0;
        bytes += (traits & HasImmediate) != 0 ? ImmDtView.Length : 0;
        bytes += (traits & HasInvalidateKey) != 0 ? IethView.Length : 0;
        bytes += (traits & PacketTraits.CongestionNotification) != 0 ? CongestionNotificationReservedBytes : 0;
        return bytes;
    }
}
