using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <content>Posting.</content>
public sealed unsafe partial class QueuePair
{
    private WorkQueue _sends;
    private WorkQueue _receives;

    /// <summary>Sends that could be posted now.</summary>
    internal int FreeSendSlots => _sends.CountFreeSlots();

    /// <summary>Posts a send. <c>ibv_post_send</c>.</summary>
    /// <param name="request">What to do.</param>
    /// <param name="entries">The local memory, in order; may be empty. Copied: the span may be reused at once.</param>
    /// <exception cref="VerbsException">ENOMEM: the queue is full. EINVAL: state below RTS, too many entries, an opcode that the service lacks, inline too long, a datagram without destination.</exception>
    /// <exception cref="DeviceLostException">The device is gone.</exception>
    public void PostSend(in SendRequest request, ReadOnlySpan<ScatterGatherEntry> entries)
    {
        if (!TryPostSend(in request, entries))
        {
            ThrowFull("ibv_post_send: the send queue is full");
        }
    }

    /// <summary>As <see cref="PostSend(in SendRequest, ReadOnlySpan{ScatterGatherEntry})"/> with one entry.</summary>
    /// <param name="request">What to do.</param>
    /// <param name="entry">The local memory.</param>
    public void PostSend(in SendRequest request, in ScatterGatherEntry entry) => PostSend(in request, new ReadOnlySpan<ScatterGatherEntry>(in entry));

    /// <summary>As <see cref="PostSend(in SendRequest, ReadOnlySpan{ScatterGatherEntry})"/>, but a full queue is an answer.</summary>
    /// <param name="request">What to do.</param>
    /// <param name="entries">The local memory.</param>
    /// <returns>False when the queue is full.</returns>
    public bool TryPostSend(in SendRequest request, ReadOnlySpan<ScatterGatherEntry> entries)
    {
        CheckSend(in request);
        if ((request.Flags & SendFlags.Inline) != 0)
        {
            return TryPostGathered(in request, entries);
        }

        CheckEntries(in request, entries);
        if (!_sends.TryClaim(_driver, out byte* slot))
        {
            return false;
        }

        WriteHeader(slot, in request, (uint)entries.Length, 0, request.Flags);

        // In bounds: a slot has room for the header and SendSges entries, which have the ABI's layout.
        MemoryMarshal.AsBytes(entries).CopyTo(new Span<byte>(slot + PvrdmaWqeLayout.SendHeaderBytes, SendSges * PvrdmaWqeLayout.SgeBytes));
        _sends.Publish(_driver);
        return true;
    }

    /// <summary>Posts a send whose bytes are copied into the ring now (SEND and WRITE of any kind, ATOMIC WRITE). <c>ibv_post_send</c> with IBV_SEND_INLINE.</summary>
    /// <param name="request">What to do; the inline flag is implied.</param>
    /// <param name="data">The bytes, at most <see cref="InlineBytes"/>.</param>
    /// <exception cref="VerbsException">ENOMEM: the queue is full. EINVAL: as PostSend.</exception>
    public void PostSendInline(in SendRequest request, ReadOnlySpan<byte> data)
    {
        if (!TryPostSendInline(in request, data))
        {
            ThrowFull("ibv_post_send: the send queue is full");
        }
    }

    /// <summary>As <see cref="PostSendInline"/>, but a full queue is an answer.</summary>
    /// <param name="request">What to do; the inline flag is implied.</param>
    /// <param name="data">The bytes, at most <see cref="InlineBytes"/>.</param>
    /// <returns>False when the queue is full.</returns>
    public bool TryPostSendInline(in SendRequest request, ReadOnlySpan<byte> data)
    {
        CheckSend(in request);
        CheckInline(in request, data.Length);
        if (!_sends.TryClaim(_driver, out byte* slot))
        {
            return false;
        }

        WriteHeader(slot, in request, 0, (uint)data.Length, request.Flags | SendFlags.Inline);

        // In bounds: a slot has room for the header and InlineBytes.
        data.CopyTo(new Span<byte>(slot + PvrdmaWqeLayout.SendHeaderBytes, InlineBytes));
        _sends.Publish(_driver);
        return true;
    }

    /// <summary>Posts a receive. <c>ibv_post_recv</c>.</summary>
    /// <param name="workRequestId">Returned with the completion.</param>
    /// <param name="entries">Where the message goes, in order; may be empty.</param>
    /// <exception cref="VerbsException">ENOMEM: the queue is full. EINVAL: in reset, too many entries, or the QP uses a shared receive queue.</exception>
    /// <exception cref="DeviceLostException">The device is gone.</exception>
    public void PostReceive(ulong workRequestId, ReadOnlySpan<ScatterGatherEntry> entries)
    {
        if (!TryPostReceive(workRequestId, entries))
        {
            ThrowFull("ibv_post_recv: the receive queue is full");
        }
    }

    /// <summary>As <see cref="PostReceive(ulong, ReadOnlySpan{ScatterGatherEntry})"/> with one entry.</summary>
    /// <param name="workRequestId">Returned with the completion.</param>
    /// <param name="entry">Where the message goes.</param>
    public void PostReceive(ulong workRequestId, in ScatterGatherEntry entry) =>
        PostReceive(workRequestId, new ReadOnlySpan<ScatterGatherEntry>(in entry));

    /// <summary>As <see cref="PostReceive(ulong, ReadOnlySpan{ScatterGatherEntry})"/>, but a full queue is an answer.</summary>
    /// <param name="workRequestId">Returned with the completion.</param>
    /// <param name="entries">Where the message goes.</param>
    /// <returns>False when the queue is full.</returns>
    public bool TryPostReceive(ulong workRequestId, ReadOnlySpan<ScatterGatherEntry> entries)
    {
        CheckOpen();
        if (SharedReceiveQueue is not null)
        {
            ThrowInvalid("ibv_post_recv: the queue pair takes its receives from a shared receive queue");
        }

        if (_state == QueuePairState.Reset)
        {
            ThrowInvalid("ibv_post_recv: the queue pair is in reset");
        }

        if (entries.Length > ReceiveSges)
        {
            ThrowInvalid($"ibv_post_recv: {entries.Length} scatter/gather entries; the queue pair was made for {ReceiveSges}");
        }

        if (!_receives.TryClaim(_driver, out byte* slot))
        {
            return false;
        }

        var request = (PvrdmaReceiveWqe*)slot;
        request->WorkRequestId = workRequestId;
        request->SgeCount = (uint)entries.Length;
        request->TotalBytes = 0;

        // In bounds: a slot has room for the header and ReceiveSges entries, which have the ABI's layout.
        MemoryMarshal.AsBytes(entries).CopyTo(new Span<byte>(slot + PvrdmaWqeLayout.ReceiveHeaderBytes, ReceiveSges * PvrdmaWqeLayout.SgeBytes));
        _receives.Publish(_driver);
        return true;
    }

    /// <summary>
    /// Starts a batch: posts until <see cref="EndPost"/> share one doorbell. Pairs may nest. <c>ibv_wr_start</c>.
    /// The device may begin on a request before the batch ends; a batch that fills the queue rings by itself.
    /// </summary>
    public void BeginPost()
    {
        _sends.BeginBatch();
        _receives.BeginBatch();
    }

    /// <summary>Ends a batch and rings the doorbell for it. <c>ibv_wr_complete</c>.</summary>
    /// <exception cref="InvalidOperationException">No batch was begun.</exception>
    public void EndPost()
    {
        if (!(_sends.TryEndBatch(_driver) & _receives.TryEndBatch(_driver)))
        {
            throw new InvalidOperationException("EndPost without BeginPost");
        }
    }

    /// <summary>An inline send whose bytes stand in several places; the addresses are pointers in this process, as for <c>ibv_post_send</c>.</summary>
    private bool TryPostGathered(in SendRequest request, ReadOnlySpan<ScatterGatherEntry> entries)
    {
        ulong total = 0;
        foreach (ref readonly ScatterGatherEntry entry in entries)
        {
            total += entry.Length;
        }

        CheckInline(in request, (long)total);
        if (!_sends.TryClaim(_driver, out byte* slot))
        {
            return false;
        }

        WriteHeader(slot, in request, 0, (uint)total, request.Flags);
        byte* into = slot + PvrdmaWqeLayout.SendHeaderBytes;
        foreach (ref readonly ScatterGatherEntry entry in entries)
        {
            Unsafe.CopyBlockUnaligned(into, (byte*)entry.Address, entry.Length);
            into += entry.Length;
        }

        _sends.Publish(_driver);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void WriteHeader(byte* slot, in SendRequest request, uint sgeCount, uint inlineBytes, SendFlags flags)
    {
        if (IsDatagram)
        {
            SendRequestWriter.WriteDatagram(slot, in request, sgeCount, inlineBytes, flags);
        }
        else
        {
            SendRequestWriter.WriteConnected(slot, in request, sgeCount, inlineBytes, flags);
        }
    }
}
