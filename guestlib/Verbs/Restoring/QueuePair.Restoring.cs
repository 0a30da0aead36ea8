using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <content>A queue pair that another process made.</content>
public sealed unsafe partial class QueuePair
{
    /// <summary>One that another process made, over pages that were checked.</summary>
    /// <exception cref="VerbsException">EIO: its indices are impossible.</exception>
    internal QueuePair(
        ProtectionDomain domain,
        CompletionQueue sendQueue,
        CompletionQueue receiveQueue,
        SharedReceiveQueue? shared,
        in PvrdmaNextObjectResponse found,
        GuestPages pages,
        LedgerEntry entry)
    {
        RdmaContext context = domain.Context;
        _driver = context.Driver;
        _pages = pages;
        _entry = entry;
        _state = (QueuePairState)found.State;
        ProtectionDomain = domain;
        SendCompletionQueue = sendQueue;
        ReceiveCompletionQueue = receiveQueue;
        SharedReceiveQueue = shared;
        Type = (QueuePairType)found.Type;
        Number = found.Number;
        Handle = found.Handle;
        SendDepth = (int)found.Capabilities.MaxSendWr;
        ReceiveDepth = (int)found.Capabilities.MaxReceiveWr;
        SendSges = (int)found.Capabilities.MaxSendSge;
        ReceiveSges = (int)found.Capabilities.MaxReceiveSge;
        SignalAll = (found.Flags & (uint)PvrdmaObjectFlags.SignalAll) != 0;
        _operations = OperationsOf(Type, _driver.Extension);
        uint sendSlotBytes = PvrdmaWqeLayout.SendSlotBytes((uint)SendSges, found.Capabilities.MaxInlineBytes);
        InlineBytes = (int)Math.Min(found.Capabilities.MaxInlineBytes, sendSlotBytes - PvrdmaWqeLayout.SendHeaderBytes);
        (_sends, _receives) = QueuesOver(pages.Memory, found.SendPageCount, sendSlotBytes, PvrdmaWqeLayout.ReceiveSlotBytes((uint)ReceiveSges));
        if (!_sends.TryContinue() || !_receives.TryContinue())
        {
            throw new VerbsException(Errno.InputOutput, $"queue pair 0x{Number:x} has impossible indices");
        }

        sendQueue.AddQueuePair();
        receiveQueue.AddQueuePair();
        shared?.AddQueuePair();
        domain.AddDependent();
        context.Add(this);
    }

    /// <summary>
    /// How many sends were posted since the QP left reset, counted modulo twice the <see cref="SendDepth"/>. A program that means to go on from a snapshot keeps
    /// in guest memory what it posts, before it does: this tells afterwards whether it did.
    /// </summary>
    public uint SendPosition => _sends.ReadTail();

    /// <summary>As <see cref="SendPosition"/> for receives, modulo twice the <see cref="ReceiveDepth"/>; 0 with a <see cref="SharedReceiveQueue"/>.</summary>
    public uint ReceivePosition => _receives.ReadTail();

    /// <summary>The send requests that the device has not finished, oldest first. Each is a slot of guest RAM.</summary>
    internal List<nint> UnfinishedSends => _sends.UnfinishedSlots();

    /// <summary>Has the device look at both queues.</summary>
    internal void RingAnyway()
    {
        _sends.RingAnyway(_driver);
        if (SharedReceiveQueue is null)
        {
            _receives.RingAnyway(_driver);
        }
    }
}
