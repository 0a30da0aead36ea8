using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <content>A queue that another process made.</content>
public sealed unsafe partial class SharedReceiveQueue
{
    /// <summary>One that another process made, over pages that were checked.</summary>
    /// <exception cref="VerbsException">EIO: its indices are impossible.</exception>
    internal SharedReceiveQueue(ProtectionDomain domain, in PvrdmaNextObjectResponse found, GuestPages pages, LedgerEntry entry)
    {
        _driver = domain.Context.Driver;
        _pages = pages;
        _entry = entry;
        ProtectionDomain = domain;
        Handle = found.Handle;
        Depth = (int)found.EntryCount;
        Sges = (int)found.Capabilities.MaxReceiveSge;
        var state = (PvrdmaRingState*)pages.Memory;
        _receives = new WorkQueue(
            &state->Receive, pages.Memory + GuestAllocator.PageBytes, found.EntryCount, PvrdmaWqeLayout.ReceiveSlotBytes(found.Capabilities.MaxReceiveSge));
        if (!_receives.TryContinue())
        {
            throw new VerbsException(Errno.InputOutput, $"shared receive queue {Handle} has impossible indices");
        }

        domain.AddDependent();
        domain.Context.Add(this);
    }

    /// <summary>How many receives were posted, counted modulo twice the <see cref="Depth"/>. See <see cref="QueuePair.SendPosition"/>.</summary>
    public uint Position => _receives.ReadTail();
}
