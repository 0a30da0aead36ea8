using System.Net;
using RoceEngine.Simulation.Checking;
using RoceEngine.Simulation.Drawing;
using RoceEngine.Simulation.World;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <summary>What an end of a connection is doing.</summary>
internal enum EndState
{
    /// <summary>It has no queue pair.</summary>
    Closed,

    /// <summary>It works.</summary>
    Up,

    /// <summary>Its queue pair is in error; what is outstanding is flushed.</summary>
    Failing,
}

/// <summary>One end of a connection: its queue pair, what it posted, what it must receive, and the memory that its peer uses.</summary>
internal sealed partial class ConnectionEnd
{
    private const ulong ReceiveBit = 1UL << 63;

    private readonly Connection _connection;
    private readonly SimulatedWorld _world;
    private readonly EndPlan _plan;
    private readonly Dice _dice;
    private readonly List<PostedSend> _uncertain = [];
    private QueuePair _pair = null!;
    private SendLedger _sends;
    private ReceiveLedger _receives;
    private LandingRing _landing;
    private long _lastProgressNs;
    private RdmaContext? _context;
    private AddressHandle? _way;

    public ConnectionEnd(Connection connection, SimulatedWorld world, EndPlan plan, string side, Dice dice)
    {
        _connection = connection;
        _world = world;
        _plan = plan;
        _dice = dice;
        Guest = world.Guests[plan.Guest];
        Name = $"connection{connection.Plan.Index}.{side}";
        _sends = new SendLedger(Name);
        _receives = new ReceiveLedger(Name);
        _landing = new LandingRing(plan.LandingBytes);
    }

    public string Name { get; }

    public SimulatedGuest Guest { get; }

    public ConnectionEnd Peer { get; set; } = null!;

    public EndState State { get; private set; }

    public EndMemory Memory { get; private set; } = null!;

    public QueuePair Pair => _pair;

    /// <summary>First PSN of what this end sends.</summary>
    public uint Psn { get; private set; }

    /// <summary>Requests posted, all queue pairs of this end together.</summary>
    public int PostedCount { get; private set; }

    /// <summary>All is posted, has ended, and was received.</summary>
    public bool IsDone => State == EndState.Up && !_isDraining && PostedCount >= _plan.Requests && _sends.Count == 0 && (!IsReliable || Peer._receives.ExpectedCount == 0);

    /// <summary>Nothing that was posted waits for its end.</summary>
    public bool IsFlushed => State != EndState.Failing || (_sends.IsFlushed && (_plan.UsesSharedReceives ? _lastReceiveTaken : _receives.Count == 0));

    /// <summary>True when nothing gets lost without an error.</summary>
    public bool IsReliable => _connection.Plan.Service == QueuePairType.Rc;

    /// <summary>A queue pair that takes from a shared queue must go through the error state, or receives that it took would be lost.</summary>
    public bool MayBeDestroyedInFlight => !_plan.UsesSharedReceives;

    // A guest that was killed and came back has other memory.
    private bool HasMemory => Guest.IsAlive && Guest.Context == _context;

    /// <summary>Makes the memory and the queue pair.</summary>
    public void Create()
    {
        Memory = new EndMemory(
            Guest.Context, Guest.Domain, _plan.TargetBytes, _plan.LandingBytes, _plan.ReceiveDepth * ReceiveSlotBytes);
        TakeQueuePair();
        Guest.Add(this, _pair.Number);
        Psn = DrawPsn();
        _sends = new SendLedger(Name);
        _receives = new ReceiveLedger(Name);
        _landing = new LandingRing(_plan.LandingBytes);
        _context = Guest.Context;
        _uncertain.Clear();
        ResetCauses();
        _sinceSignaled = 0;
        _isWaiting = false;
        _peerWrites.Clear();
        _group = null;
        _ownCopies = new ReceiveLedger(Name);
        State = EndState.Up;
        if (IsDatagram)
            _pair.ToInit(queueKey: QueueKey);
        else
            _pair.ToInit(AccessFlags.RemoteWrite | AccessFlags.RemoteRead | AccessFlags.RemoteAtomic | AccessFlags.FlushGlobal);
        if (!_plan.UsesSharedReceives)
            PostFirstReceives();
    }

    public void Connect()
    {
        ConnectionPlan plan = _connection.Plan;
        if (IsDatagram)
        {
            _pair.ToReadyToReceive();
            IPAddress destination = _connection.Plan.UsesGroup ? JoinGroup() : Peer.Guest.Address;
            _way = Guest.Domain.CreateAddressHandle(new AddressHandleAttributes { DestinationAddress = destination });
            return;
        }
        _pair.ToReadyToReceive(
            Peer._pair.AddressWith(Peer.Psn), plan.MtuBytes, maxDestinationRdAtomic: plan.RdAtomic, minRnrTimer: plan.RnrTimer);
    }

    public void Start()
    {
        ConnectionPlan plan = _connection.Plan;
        _pair.ToReadyToSend(Psn, plan.Timeout, plan.RetryCount, plan.RnrRetry, plan.RdAtomic);
        _lastProgressNs = _world.NowNs;
        _world.Log.Add(_world.NowNs, EventKind.Opened, Name, _pair.Number, Psn, Peer.Psn);
        int incarnation = _connection.Incarnation;
        if (_plan.UsesWindow)
            TryOpenWindow();
        _world.After(_dice.Between(0, _plan.ThinkNsMax), () => Pump(incarnation));
    }

    /// <summary>Everything posted must now end with a flush.</summary>
    public void MoveToError()
    {
        WasMovedToError = true;
        State = EndState.Failing;
        _pair.ToError();
        _world.Touch();
    }

    /// <summary>
    /// Destroys the queue pair, or resets it to use it again, whatever is under way. What was posted and has not ended may or may not have
    /// happened.
    /// </summary>
    /// <param name="mayReuse">False at the end of the world.</param>
    public void Destroy(bool mayReuse = true)
    {
        if (State == EndState.Closed)
            return;
        LeaveGroup();
        _isReset = mayReuse && IsReliable && _dice.Chance(0.5);
        if (_isReset)
            _pair.ToReset();
        else
            _pair.Dispose();
        Guest.Remove(_pair.Number);
        _way?.Dispose();
        DisposeWindow();
        _way = null;
        Close();
    }

    /// <summary>The guest is gone, and its memory with it.</summary>
    public void GuestDied()
    {
        Close();
        _connection.OnGuestDied();
    }

    /// <summary>What the peer posted and never ended well: how far its traces can be told from here on. When neither end has a queue pair.</summary>
    public void VerifyAfterClose()
    {
        if (!HasMemory)
            return;
        int uncertainAtomics = 0;
        foreach (PostedSend send in Peer._uncertain)
        {
            if (send.WritesTarget && send.Doom == CompletionStatus.Success)
                Memory.Model.Forget(send.TargetOffset, send.Bytes);
            if (Operations.ChangesWord(send.Operation) && send.Doom == CompletionStatus.Success)
                uncertainAtomics++;
        }
        Memory.Verify(Name, uncertainAtomics, _world.Settings.Interference);
    }

    /// <summary>The target and the guards, while nothing of the peer is under way.</summary>
    public void VerifyMemory() => Memory.Verify(Name, 0, _world.Settings.Interference);

    /// <summary>Gives the memory back.</summary>
    public void Release()
    {
        if (HasMemory)
            Memory.Dispose();
    }

    /// <summary>When a queue pair that failed is closed: what was acknowledged was delivered, and flushes had a cause.</summary>
    public void CheckAtClose()
    {
        if (State == EndState.Failing)
        {
            if (IsReliable)
                _receives.CheckDelivered();
            CheckFlushHadCause();
            CheckSaidBroken();
        }
    }

    private void Close()
    {
        if (State == EndState.Closed)
            return;
        State = EndState.Closed;
        _way = null;
        ForgetWindow();
        foreach (PostedSend send in _sends.Outstanding)
            AddUncertain(send);
        _world.Log.Add(_world.NowNs, EventKind.Closed, Name, _pair.Number);
    }

    private void AddUncertain(PostedSend send)
    {
        _uncertain.Add(send);
        send.Counters?.MayHaveAdded(send.Counter, send.Addend);
    }
}
