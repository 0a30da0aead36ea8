using System.Runtime.CompilerServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>The private copy of a send work request from its fetch until its completion.</summary>
internal unsafe struct SendSlot : IPooledSlot<SendSlot>
{
    private SendSlot* _next;
    private int _chunkIndex;

    /// <summary>PSN of the first packet (READ: of the first response).</summary>
    public Psn FirstPsn;

    /// <summary>PSNs that the request takes: 1 … 2^23.</summary>
    public uint PacketCount;

    /// <summary>Not Success: the request failed on this side, and completes so when all before it are complete.</summary>
    public CompletionStatus Failure;

    /// <summary>A local operation that was carried out and waits for those before it to complete.</summary>
    public bool IsExecuted;

    public SendWorkRequest Request;

    public SendSlot* Next
    {
        readonly get => _next;
        set => _next = value;
    }

    public int ChunkIndex
    {
        readonly get => _chunkIndex;
        set => _chunkIndex = value;
    }

    /// <summary>True for a request that a response finishes, and not an acknowledgement.</summary>
    public readonly bool NeedsResponse => Request.Opcode.NeedsResponse();

    /// <summary>The index in this request of a PSN known to belong to it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly uint IndexOf(Psn psn) => (psn.Value - FirstPsn.Value) & (Psn.Modulus - 1);
}

/// <summary>The private copy of a receive work request that a message is filling.</summary>
internal unsafe struct ReceiveSlot : IPooledSlot<ReceiveSlot>
{
    private ReceiveSlot* _next;
    private int _chunkIndex;

    public ReceiveWorkRequest Request;

    /// <summary>The completion of this request when no message is delivered by it.</summary>
    public readonly Completion Failed(CompletionStatus status, string? hint) => new()
    {
        WorkRequestId = Request.WorkRequestId,
        Status = status,
        Opcode = CompletionOpcode.Receive,
        Solicited = true,
        Hint = hint,
    };

    public ReceiveSlot* Next
    {
        readonly get => _next;
        set => _next = value;
    }

    public int ChunkIndex
    {
        readonly get => _chunkIndex;
        set => _chunkIndex = value;
    }
}
