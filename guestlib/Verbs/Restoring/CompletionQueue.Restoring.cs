using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <content>A queue that another process made.</content>
public sealed unsafe partial class CompletionQueue
{
    /// <summary>One that another process made, over pages that were checked.</summary>
    /// <exception cref="VerbsException">EIO: its indices are impossible.</exception>
    internal CompletionQueue(RdmaContext context, CompletionChannel? channel, in PvrdmaNextObjectResponse found, GuestPages pages, LedgerEntry entry)
    {
        Context = context;
        Channel = channel;
        Handle = found.Handle;
        _entry = entry;
        _pages = pages;
        Use(pages, found.EntryCount);
        _head = PvrdmaRing.ReadConsumer(_ring);
        if (!RingIndex.TryUsed(PvrdmaRing.ReadProducer(_ring), _head, _slots, out _))
        {
            throw new VerbsException(Errno.InputOutput, $"completion queue {Handle} has impossible indices");
        }

        channel?.AddQueue();
        context.Add(this);
    }

    /// <summary>
    /// How many completions were taken from the ring, counted modulo twice the <see cref="Capacity"/>. A program that means to go on from a snapshot keeps it
    /// with what it has made of the completions, in guest memory: see <see cref="Rewind"/>. <see cref="Resize"/> begins to count anew.
    /// </summary>
    public uint Position
    {
        get
        {
            EnterOpen();
            uint head = _head;
            _gate.Exit();
            return head;
        }
    }

    /// <summary>
    /// Lets completions that were taken already be taken once more: all from <paramref name="position"/> on, which <see cref="Position"/> was. A process that
    /// polled them and was saved before it had noted so may be another one now, that was never told. For a context that was just attached to a restored
    /// device: a ring that is written meanwhile may have lost them, so it needs as much room beyond what is outstanding as shall be taken twice.
    /// </summary>
    /// <param name="position">A position not ahead of the present one.</param>
    /// <returns>How many completions come again.</returns>
    /// <exception cref="VerbsException">EINVAL: no position, or one whose completions are no longer in the ring.</exception>
    public int Rewind(uint position)
    {
        EnterOpen();
        uint again = RingIndex.Used(_head, position, _slots);
        bool isThere = !_isResizing && again <= _slots && RingIndex.TryUsed(PvrdmaRing.ReadProducer(_ring), position, _slots, out _);
        if (isThere)
        {
            _head = position;
            PvrdmaRing.PublishConsumer(_ring, position);
        }

        _gate.Exit();
        return isThere
            ? (int)again
            : throw new VerbsException(Errno.Invalid, $"the completions from position {position} on are no longer in the ring");
    }

    /// <summary>A notification that its last process took from the device, and perhaps not its application, is given once more.</summary>
    internal void NotifyAgain()
    {
        if (Channel is not null && HasEntries())
        {
            OnNotified();
        }
    }
}
