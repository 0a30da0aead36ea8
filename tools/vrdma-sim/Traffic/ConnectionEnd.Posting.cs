using RoceEngine.Simulation.Checking;
using RoceEngine.Simulation.World;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <content>Requests: drawn, posted, and entered into the models.</content>
internal sealed partial class ConnectionEnd
{
    private int _sinceSignaled;
    private bool _isWaiting;

    /// <summary>Posts a burst and plans the next; a full queue waits for a completion.</summary>
    private void Pump(int incarnation)
    {
        if (incarnation != _connection.Incarnation || State != EndState.Up)
            return;
        bool batches = _dice.Chance(0.5);
        if (batches)
            _pair.BeginPost();
        for (int burst = _dice.Between(1, _plan.BurstMax); burst > 0 && PostedCount < _plan.Requests && !_isWaiting; burst--)
            _isWaiting = !TryPost();
        if (batches)
            _pair.EndPost();
        _world.Touch();
        if (PostedCount < _plan.Requests && !_isWaiting)
            _world.After(_dice.Between(1, _plan.ThinkNsMax), () => Pump(incarnation));
    }

    private void Resume()
    {
        if (!_isWaiting)
            return;
        _isWaiting = false;
        int incarnation = _connection.Incarnation;
        _world.After(_dice.Between(1, 2_000), () => Pump(incarnation));
    }

    private bool TryPost()
    {
        PostedSend? drawn = PostedCount == _plan.ViolationAt ? DrawViolation() : DrawSend((Operation)_dice.Weighted(_plan.Weights));

        // No room to land in: an empty WRITE whose completion makes some.
        PostedSend send = drawn ?? MakeSend(Operation.Write, 0, CompletionStatus.Success, isSignaled: true);
        if (!TryPost(send))
            return false;
        PostedCount++;
        Enter(send);
        return true;
    }

    private void Enter(PostedSend send)
    {
        _sends.Add(send);
        EnterModels(send);
        _world.Log.Add(_world.NowNs, EventKind.Posted, Name, send.Id, (ulong)send.Opcode | (send.IsSignaled ? 256u : 0), (ulong)send.Bytes);
    }

    private void EnterModels(PostedSend send)
    {
        if (send.Message is { } message)
        {
            Peer._receives.Expect(message);
            if (_connection.Plan.UsesGroup)
                _ownCopies.Expect(message);
        }
        if (send.Doom != CompletionStatus.Success)
        {
            Peer.ResponderMayFail |= send.Doom != CompletionStatus.LocalProtectionError;
            return;
        }
        if (send.WritesTarget && !IsReliable)
        {
            Peer.Memory.Model.Forget(send.TargetOffset, send.Bytes);
            Peer._peerWrites.Add(send);
        }
        else if (send.Operation == Operation.SendWithInvalidate)
        {
            Peer.OpenWindowKey = 0;
        }
        else if (send.WritesTarget)
            Peer.Memory.Model.Write(send.TargetOffset, Guest.Source.Expected(send.SourceOffset, send.Bytes));
        else if (Operations.ChangesWord(send.Operation))
            send.ExpectedWord = EnterWord(Peer.Memory.Word, send);
    }

    private static ulong EnterWord(AtomicModel word, PostedSend send) => send.Operation switch
    {
        Operation.FetchAdd => word.Add(send.Addend),
        Operation.MaskedFetchAdd => word.Add(send.Addend, send.CompareMaskOrBoundary),
        Operation.MaskedCompareSwap => word.CompareSwap(send.ExpectedWord, send.CompareMaskOrBoundary, send.Addend, send.SwapMask),
        _ => word.CompareSwap(send.ExpectedWord, send.Addend),
    };

    private PostedSend? DrawSend(Operation operation)
    {
        if (operation == Operation.SendWithInvalidate && !Peer.MayPeerClose)
            operation = Operation.Send;
        int most = operation switch
        {
            Operation.Send or Operation.SendWithImmediate or Operation.SendWithInvalidate =>
                Math.Min(Math.Min(Peer.MessageBytesMax, IsDatagram ? DatagramBytesMax : int.MaxValue), Guest.Source.Bytes),
            Operation.Write or Operation.WriteWithImmediate => Math.Min(Peer._plan.TargetBytes, Guest.Source.Bytes),
            Operation.ReadSource => Math.Min(_plan.LandingBytes / 2, Peer.Guest.Source.Bytes),
            Operation.ReadTarget => Math.Min(_plan.LandingBytes / 2, Peer._plan.TargetBytes),
            Operation.Flush => 0,
            _ => sizeof(ulong),
        };
        int bytes = Operations.IsAtomic(operation) || operation == Operation.AtomicWrite ? sizeof(ulong) : DrawBytes(most);
        return MakeDrawn(operation, bytes);
    }

    private PostedSend? MakeDrawn(Operation operation, int bytes)
    {
        bool lands = Operations.Lands(operation);
        int landing = lands ? _landing.TryTake(bytes) : 0;
        if (landing < 0)
            return null;
        bool isSignaled = lands || _sinceSignaled >= _plan.SendDepth / 2 || PostedCount + 1 >= _plan.Requests || !_dice.Chance(_plan.UnsignaledRate);
        if (lands && bytes <= _plan.LandingBytes / 16 && _sinceSignaled < Math.Min(4, _plan.SendDepth / 2) && PostedCount + 1 < _plan.Requests)
            isSignaled = !_dice.Chance(_plan.UnsignaledRate);
        return MakeSend(operation, bytes, CompletionStatus.Success, isSignaled, landing);
    }

    private PostedSend MakeSend(Operation operation, int bytes, CompletionStatus doom, bool isSignaled, int landing = 0)
    {
        SendOpcode opcode = Operations.OpcodeOf(operation);
        int source = operation == Operation.ReadSource
            ? _dice.Between(0, Peer.Guest.Source.Bytes - bytes)
            : _dice.Between(0, Math.Max(0, Guest.Source.Bytes - bytes));
        bool usesTarget = opcode is SendOpcode.Write or SendOpcode.WriteWithImmediate or SendOpcode.AtomicWrite or SendOpcode.Flush
            || operation == Operation.ReadTarget;
        int target = usesTarget ? _dice.Between(0, Math.Max(0, Peer._plan.TargetBytes - bytes)) : 0;
        if (operation == Operation.AtomicWrite)
            target &= ~7;
        bool isShared = operation == Operation.FetchAddShared;
        bool mayUseWindow = usesTarget || Operations.ChangesWord(operation);
        (ulong compare, ulong mask, ulong swapMask) = DrawWord(operation);
        uint window = operation == Operation.SendWithInvalidate || (mayUseWindow && doom == CompletionStatus.Success && _dice.Chance(0.6))
            ? Peer.OpenWindowKey
            : 0;
        return new PostedSend
        {
            Id = (ulong)PostedCount,
            Operation = operation,
            Opcode = opcode,
            IsSignaled = isSignaled,
            PostedNs = _world.NowNs,
            Bytes = bytes,
            SourceOffset = source,
            Source = operation == Operation.ReadSource ? Peer.Guest.Source : null,
            TargetOffset = target,
            LandingOffset = landing,
            Expected = operation == Operation.ReadTarget ? Peer.Memory.Model.Slice(target, bytes).ToArray() : null,
            ExpectedWord = compare,
            CompareMaskOrBoundary = mask,
            SwapMask = swapMask,
            FlushBytes = operation != Operation.Flush || _dice.Chance(0.3) ? -1 : _dice.Between(0, Peer._plan.TargetBytes - target),
            Counter = isShared ? _dice.Between(0, SharedCounters.Count - 1) : 0,
            Addend = isShared ? (ulong)_dice.Between(1, SharedCounters.AddendMax) : _dice.Next64(),
            Counters = isShared ? Peer.Guest.Counters : null,
            WindowKey = window,
            Message = Operations.TakesReceive(opcode) ? MakeMessage(opcode, bytes, source, target, window, doom) : null,
            Doom = doom,
        };
    }

    /// <summary>What a compare and swap compares with, equal to what is there more often than not; masks, and boundaries of fields.</summary>
    private (ulong Compare, ulong MaskOrBoundary, ulong SwapMask) DrawWord(Operation operation)
    {
        ulong there = _dice.Chance(0.6) ? Peer.Memory.Word.Value : 1;
        switch (operation)
        {
            case Operation.CompareSwap:
                return (there, 0, 0);
            case Operation.MaskedCompareSwap:
                ulong mask = _dice.Pick<ulong>(0, ulong.MaxValue, 0xFFFF_FFFF, _dice.Next64());
                return (there ^ (_dice.Next64() & ~mask), mask, _dice.Pick<ulong>(0, ulong.MaxValue, 0xFF00_FF00_FF00_FF00, _dice.Next64()));
            case Operation.MaskedFetchAdd:
                return (0, _dice.Pick<ulong>(0, 1UL << 63, 0x8000_0000_8000_0000, 0x8080_8080_8080_8080, ulong.MaxValue, _dice.Next64() & _dice.Next64()), 0);
            default:
                return default;
        }
    }

    private ExpectedMessage MakeMessage(SendOpcode opcode, int bytes, int source, int target, uint window, CompletionStatus doom) => new()
    {
        Opcode = opcode,
        Bytes = bytes,
        Source = Guest.Source,
        SourceOffset = source,
        Immediate = opcode == SendOpcode.SendWithInvalidate ? window : (uint)_dice.Next64(),
        TargetOffset = target,
        Id = (ulong)PostedCount,
        Doom = doom,
    };

    /// <summary>Mostly little, sometimes nothing, sometimes around a multiple of the path MTU, sometimes all that fits.</summary>
    private int DrawBytes(int most)
    {
        int mtuBytes = _connection.Plan.MtuBytes;
        int bytes = _dice.Weighted([1, 8, 4, 4, 2, 1]) switch
        {
            0 => 0,
            1 => _dice.Between(1, 64),
            2 => _dice.Between(1, mtuBytes),
            3 => mtuBytes * _dice.Between(1, 6) + _dice.Between(-1, 1),
            4 => _dice.Between(1, 16 << 10),
            _ => _dice.Between(1, most),
        };
        return Math.Min(bytes, most);
    }

    /// <summary>Cuts a range into some pieces, at most as many as there is room for. Returns how many.</summary>
    private int Cut(in ScatterGatherEntry whole, Span<ScatterGatherEntry> into)
    {
        if (whole.Length == 0 && _dice.Chance(0.5))
            return 0;
        int count = whole.Length < 16 ? 1 : _dice.Between(1, into.Length);
        uint done = 0;
        for (int i = 0; i < count; i++)
        {
            uint rest = whole.Length - done;
            uint bytes = i == count - 1 ? rest : (uint)_dice.Between(0L, rest);
            into[i] = new ScatterGatherEntry(whole.Address + done, bytes, whole.LocalKey);
            done += bytes;
        }
        return count;
    }
}
