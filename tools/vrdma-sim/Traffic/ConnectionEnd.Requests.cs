using RoceEngine.Simulation.Checking;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <content>Work requests as the library takes them, those that break a rule included.</content>
internal sealed partial class ConnectionEnd
{
    private bool TryPost(PostedSend send)
    {
        // A READ that is asked again needs its key still: it must be over before the window closes.
        bool mustFence = send.Opcode == SendOpcode.SendWithInvalidate;
        SendRequest request = new()
        {
            WorkRequestId = send.Id,
            Opcode = send.Opcode,
            Flags = (send.IsSignaled ? SendFlags.Signaled : 0) | (_dice.Chance(_plan.FenceRate) || mustFence ? SendFlags.Fence : 0)
                | (_dice.Chance(0.2) ? SendFlags.Solicited : 0),
            Immediate = send.Message?.Immediate ?? 0,
        };
        Aim(ref request, send);
        bool canInline = !send.LandsHere && send.Operation != Operation.Flush && send.Doom == CompletionStatus.Success && send.Bytes <= _pair.InlineBytes;
        bool isPosted = canInline && _dice.Chance(0.6)
            ? _pair.TryPostSendInline(request, Guest.Source.Expected(send.SourceOffset, send.Bytes))
            : TryPostGathered(request, send);
        if (isPosted)
            _sinceSignaled = send.IsSignaled ? 0 : _sinceSignaled + 1;
        else if (send.OwnsLanding)
            _landing.CancelNewest();
        return isPosted;
    }

    private bool TryPostGathered(in SendRequest request, PostedSend send)
    {
        Span<ScatterGatherEntry> entries = stackalloc ScatterGatherEntry[8];
        ScatterGatherEntry whole = send.LandsHere
            ? Memory.Landing.Entry(send.LandingOffset, send.Bytes)
            : Guest.Source.Region.Entry(send.SourceOffset, send.Bytes);
        if (send.Doom == CompletionStatus.LocalProtectionError)
            whole = SpoilLocal(whole, send);
        int most = send.Operation == Operation.Flush ? 0 : Operations.IsAtomic(send.Operation) ? 1 : _plan.SendSges;
        int count = most == 0 ? 0 : Cut(whole, entries[..most]);
        return _pair.TryPostSend(request, entries[..count]);
    }

    private void Aim(ref SendRequest request, PostedSend send)
    {
        EndMemory memory = Peer.Memory;
        if (IsDatagram)
        {
            request.Destination = _way;
            request.RemoteQueuePair = _connection.Plan.UsesGroup ? AddressHandle.MulticastQueuePair : Peer._pair.Number;
            request.RemoteQueueKey = QueueKey;
        }
        switch (send.Operation)
        {
            case Operation.Write or Operation.WriteWithImmediate or Operation.AtomicWrite or Operation.ReadTarget:
                request.RemoteAddress = memory.TargetAddress(send.TargetOffset);
                request.RemoteKey = memory.Target.RemoteKey;
                break;
            case Operation.ReadSource:
                request.RemoteAddress = Peer.Guest.Source.Region.Address + (ulong)send.SourceOffset;
                request.RemoteKey = Peer.Guest.Source.Region.RemoteKey;
                break;
            case Operation.FetchAddShared:
                request.RemoteAddress = send.Counters!.Region.Address + (ulong)(send.Counter * sizeof(ulong));
                request.RemoteKey = send.Counters.Region.RemoteKey;
                request.CompareAdd = send.Addend;
                break;
            case Operation.FetchAdd or Operation.MaskedFetchAdd:
                request.RemoteAddress = memory.WordAddress;
                request.RemoteKey = memory.Target.RemoteKey;
                request.CompareAdd = send.Addend;
                request.FieldBoundary = send.CompareMaskOrBoundary;
                break;
            case Operation.CompareSwap or Operation.MaskedCompareSwap:
                request.RemoteAddress = memory.WordAddress;
                request.RemoteKey = memory.Target.RemoteKey;
                request.CompareAdd = send.ExpectedWord;
                request.Swap = send.Addend;
                request.CompareMask = send.CompareMaskOrBoundary;
                request.SwapMask = send.SwapMask;
                break;
            case Operation.Flush:
                AimFlush(ref request, send);
                break;
        }
        if (send.WindowKey != 0 && send.UsesTarget)
            request.RemoteKey = send.WindowKey;
        if (send.Doom is CompletionStatus.RemoteAccessError)
            SpoilRemote(ref request, send);
        else if (send.Doom == CompletionStatus.RemoteInvalidRequestError)
            SpoilRequest(ref request);
    }

    private void AimFlush(ref SendRequest request, PostedSend send)
    {
        request.RemoteAddress = Peer.Memory.TargetAddress(send.TargetOffset);
        request.RemoteKey = Peer.Memory.Target.RemoteKey;
        request.FlushBytes = (uint)Math.Max(0, send.FlushBytes);
        request.FlushOptions = send.FlushBytes < 0 ? FlushOptions.Global | FlushOptions.WholeRegion : FlushOptions.Global;
    }

    /// <summary>A request that must fail, and with which status.</summary>
    private PostedSend DrawViolation()
    {
        int tooLong = Peer.MessageBytesMax + AddressHandle.GlobalRouteHeaderBytes + _dice.Between(1, 3000);
        return _dice.Between(0, 8) switch
        {
            0 => MakeSend(Operation.Write, _dice.Between(1, 3000), CompletionStatus.RemoteAccessError, isSignaled: true),
            1 => MakeSend(Operation.ReadTarget, 16, CompletionStatus.RemoteAccessError, isSignaled: true, landing: 0),
            2 when tooLong <= Guest.Source.Bytes => MakeSend(Operation.Send, tooLong, CompletionStatus.RemoteInvalidRequestError, isSignaled: true),
            3 => MakeSend(Operation.FetchAdd, sizeof(ulong), CompletionStatus.RemoteInvalidRequestError, isSignaled: true, landing: 0),
            4 => MakeSend(Operation.ReadSource, 64, CompletionStatus.LocalProtectionError, isSignaled: true, landing: 0),
            5 => MakeSend(Operation.AtomicWrite, sizeof(ulong), CompletionStatus.RemoteInvalidRequestError, isSignaled: true),
            6 => MakeSend(Operation.Flush, 0, CompletionStatus.RemoteInvalidRequestError, isSignaled: true),
            7 => MakeSend(Operation.MaskedFetchAdd, sizeof(ulong), CompletionStatus.RemoteInvalidRequestError, isSignaled: true, landing: 0),
            _ => MakeSend(Operation.Write, _dice.Between(1, 3000), CompletionStatus.LocalProtectionError, isSignaled: true),
        };
    }

    /// <summary>A word that is not aligned, or a placement that the queue pair does not permit.</summary>
    private static void SpoilRequest(ref SendRequest request)
    {
        if (request.Opcode == SendOpcode.Flush)
            request.FlushOptions |= FlushOptions.Persistent;
        else if (request.Opcode is SendOpcode.FetchAdd or SendOpcode.MaskedFetchAdd or SendOpcode.AtomicWrite)
            request.RemoteAddress += 4;
    }

    /// <summary>A key that nobody has, a range that leaves the region, or a right that it does not give.</summary>
    private void SpoilRemote(ref SendRequest request, PostedSend send)
    {
        switch (_dice.Between(0, 2))
        {
            case 0:
                request.RemoteKey ^= 0x0101_0100u << _dice.Between(0, 6);
                break;
            case 1:
                request.RemoteAddress = Peer.Memory.Target.Address + (ulong)Peer.Memory.Target.Length - (ulong)_dice.Between(0, send.Bytes - 1);
                break;
            default:
                request.RemoteAddress = Peer.Memory.Landing.Address;
                request.RemoteKey = Peer.Memory.Landing.RemoteKey;
                break;
        }
    }

    /// <summary>A READ into memory that may not be written, or a source beyond its region.</summary>
    private ScatterGatherEntry SpoilLocal(in ScatterGatherEntry whole, PostedSend send) => send.LandsHere
        ? Guest.Source.Region.Entry(0, send.Bytes)
        : new ScatterGatherEntry(whole.Address, whole.Length, whole.LocalKey ^ (0x0101_0100u << _dice.Between(0, 6)));
}
