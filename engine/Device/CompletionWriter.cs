using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>
/// Writes completions into CQs. The first entry of a turn is published at once, for a guest that spins on it; the others of the same turn in
/// bunches, since each publication takes the cache line away from the guest that polls it.
/// </summary>
internal sealed unsafe class CompletionWriter(DeviceCore core)
{
    private const uint BunchEntries = 16;

    private CompletionQueue[] _dirty = new CompletionQueue[16];
    private int _dirtyCount;

    /// <summary>True when <see cref="Publish"/> has something to do.</summary>
    public bool HasWork => _dirtyCount != 0;

    public void Write(DeviceQueuePair qp, CompletionQueue queue, in Completion completion)
    {
        core.Statistics.ByStatus[(int)completion.Status]++;
        if (completion.Status != CompletionStatus.Success)
        {
            NoteError(qp, completion);
        }

        if (queue.IsFailed || queue.IsDestroyed)
        {
            core.Statistics.CompletionsDropped++;
            return;
        }

        PvrdmaCqe entry = default;
        entry.WorkRequestId = completion.WorkRequestId;
        entry.QpHandle = qp.Handle;
        entry.Opcode = OpcodeOf(completion.Opcode);
        entry.Status = (uint)completion.Status;
        entry.ByteLength = completion.Bytes;
        entry.SourceQpn = completion.SourceQpn;
        entry.Port = 1;
        if (completion.Flags != CompletionFlags.None)
        {
            SetFlags(ref entry, completion);
        }

        if (!queue.TryWrite(entry))
        {
            core.Statistics.CompletionsDropped++;
            core.Failures.Add(queue);
            return;
        }

        if (MovingChecks.AreIn)
        {
            core.DirtyLog?.Mark(queue.LastEntry, PvrdmaCqe.Length);
        }

        core.Statistics.Completions++;
        queue.HasSolicited |= completion.Solicited || completion.Status != CompletionStatus.Success;
        if (!queue.IsDirty)
        {
            queue.IsDirty = true;
            AddDirty(queue);
            queue.Publish();
        }
        else if (queue.Unpublished >= BunchEntries)
        {
            queue.Publish();
        }
    }

    /// <summary>End of a turn: publishes, then one full fence for all, then looks which CQs are armed.</summary>
    public void Publish()
    {
        if (_dirtyCount == 0)
        {
            return;
        }

        for (int i = 0; i < _dirtyCount; i++)
        {
            // The pages of a destroyed CQ are the guest's again.
            if (!_dirty[i].IsDestroyed)
            {
                _dirty[i].Publish();
            }
        }

        // Entries first, arm words after: the guest does it the other way round, so one of the two sees the other.
        Interlocked.MemoryBarrier();

        bool usesArmWord = (core.Extension & ExtensionBits.ArmWord) != 0;
        bool alwaysArmed = core.Options.UarMode == UarMode.Mapped && !usesArmWord;
        for (int i = 0; i < _dirtyCount; i++)
        {
            CompletionQueue queue = _dirty[i];
            _dirty[i] = null!;
            queue.IsDirty = false;
            if (!queue.IsDestroyed && queue.TryFire(usesArmWord, alwaysArmed))
            {
                core.Events.Notify(queue);
            }
        }

        _dirtyCount = 0;
    }

    public void Clear()
    {
        Array.Clear(_dirty);
        _dirtyCount = 0;
    }

    /// <summary>The values of the first operations are the verbs', those after them are the device's own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint OpcodeOf(CompletionOpcode opcode) =>
        opcode is <= CompletionOpcode.BindWindow or >= CompletionOpcode.Receive ? (uint)opcode : (uint)RareOpcodeOf(opcode);

    private static PvrdmaWcOpcode RareOpcodeOf(CompletionOpcode opcode) => opcode switch
    {
        CompletionOpcode.LocalInvalidate => PvrdmaWcOpcode.LocalInvalidate,
        CompletionOpcode.FastRegister => PvrdmaWcOpcode.FastRegisterMr,
        CompletionOpcode.MaskedCompareSwap => PvrdmaWcOpcode.MaskedCompareSwap,
        CompletionOpcode.MaskedFetchAdd => PvrdmaWcOpcode.MaskedFetchAdd,
        CompletionOpcode.Flush => PvrdmaWcOpcode.Flush,
        _ => PvrdmaWcOpcode.AtomicWrite,
    };

    private static void SetFlags(ref PvrdmaCqe entry, in Completion completion)
    {
        PvrdmaWcFlags flags = PvrdmaWcFlags.None;
        if ((completion.Flags & CompletionFlags.GlobalRouteHeader) != 0)
        {
            flags |= PvrdmaWcFlags.GlobalRouteHeader;
        }

        if ((completion.Flags & CompletionFlags.WithImmediate) != 0)
        {
            flags |= PvrdmaWcFlags.WithImmediate;
            entry.ImmediateOrKey = BinaryPrimitives.ReverseEndianness(completion.ImmediateOrKey);
        }

        if ((completion.Flags & CompletionFlags.WithInvalidate) != 0)
        {
            flags |= PvrdmaWcFlags.WithInvalidate;
            entry.ImmediateOrKey = completion.ImmediateOrKey;
        }

        entry.Flags = (uint)flags;
    }

    private void NoteError(DeviceQueuePair qp, in Completion completion)
    {
        // Flushes follow another error and say nothing new.
        if (completion.Status != CompletionStatus.FlushError)
        {
            core.Fault(GuestFault.CompletionError, qp.Handle, completion.Hint ?? "work request completed with an error");
        }
    }

    private void AddDirty(CompletionQueue queue)
    {
        if (_dirtyCount == _dirty.Length)
        {
            Array.Resize(ref _dirty, _dirtyCount * 2);
        }

        _dirty[_dirtyCount++] = queue;
    }
}
