using RoceEngine.Simulation.Checking;
using RoceEngine.Simulation.Drawing;
using RoceEngine.Simulation.World;

namespace RoceEngine.Simulation.Traffic;

/// <summary>
/// Two ends and their life: opened, perhaps broken by whatever this world does, closed with everything checked, opened again with new
/// queue pairs and memory until all requests were posted and had a good end.
/// </summary>
internal sealed class Connection
{
    private const long FlushNsMax = 2_000_000_000;
    private const long LookNs = 20_000;

    private readonly SimulatedWorld _world;
    private readonly Dice _dice;
    private bool _isClosing;
    private long _flushLimitNs;

    public Connection(SimulatedWorld world, ConnectionPlan plan, Tally tally, Dice dice)
    {
        _world = world;
        _dice = dice;
        Plan = plan;
        Tally = tally;
        Left = new ConnectionEnd(this, world, plan.Left, "left", dice.Fork());
        Right = new ConnectionEnd(this, world, plan.Right, "right", dice.Fork());
        Left.Peer = Right;
        Right.Peer = Left;
    }

    public ConnectionPlan Plan { get; }

    public Tally Tally { get; }

    public ConnectionEnd Left { get; }

    public ConnectionEnd Right { get; }

    /// <summary>Counts the openings; what was planned for an earlier one is void.</summary>
    public int Incarnation { get; private set; }

    /// <summary>Everything was posted, ended well and was received.</summary>
    public bool IsDone => !_isClosing && Left.IsDone && Right.IsDone;

    public void Open()
    {
        if (!Left.Guest.IsAlive || !Right.Guest.IsAlive)
        {
            _world.After(500_000, Open);
            return;
        }
        Incarnation++;
        _isClosing = false;
        Left.Create();
        Right.Create();
        Left.Connect();
        Right.Connect();
        Left.Start();
        Right.Start();
    }

    /// <summary>A queue pair failed: the application notices sooner or later.</summary>
    public void OnFailed()
    {
        if (_isClosing)
            return;
        _isClosing = true;
        _world.After(_dice.Between(1_000, 2_000_000), BeginClose);
    }

    /// <summary>One of the guests is gone: the other's application notices sooner or later.</summary>
    public void OnGuestDied() => OnFailed();

    /// <summary>One end goes, whatever it is doing; the other learns by itself, or from the application.</summary>
    public void Disrupt(DisruptionKind kind, bool isRight)
    {
        ConnectionEnd end = isRight ? Right : Left;
        if (_isClosing || end.State != EndState.Up)
            return;
        Tally.ByDisruption[(int)kind]++;
        _world.Log.Add(_world.NowNs, EventKind.Disrupted, end.Name, (ulong)kind);
        switch (kind)
        {
            case DisruptionKind.DestroyQueuePair when end.MayBeDestroyedInFlight:
                end.Destroy();
                OnFailed();
                break;
            case DisruptionKind.DestroyQueuePair:
            case DisruptionKind.MoveToError:
                end.MoveToError();
                OnFailed();
                break;
            case DisruptionKind.RevokeTarget:
                end.RevokeTarget();
                break;
            case DisruptionKind.DrainSends:
                end.Drain();
                break;
            case DisruptionKind.ResizeCompletionQueues:
                end.Guest.ResizeQueues();
                break;
        }
    }

    /// <summary>At the end of a world: compares everything and gives it back.</summary>
    public void Finish()
    {
        Left.Destroy(mayReuse: false);
        Right.Destroy(mayReuse: false);
        Settle();
    }

    private void BeginClose()
    {
        Give(Left);
        Give(Right);
        _flushLimitNs = _world.NowNs + FlushNsMax;
        AwaitFlush();
    }

    // The end that is still up: moved to the error state in good order, or destroyed with everything under way.
    private void Give(ConnectionEnd end)
    {
        if (end.State != EndState.Up)
            return;
        if (_dice.Chance(0.5) || !end.MayBeDestroyedInFlight)
            end.MoveToError();
        else
            end.Destroy();
    }

    private void AwaitFlush()
    {
        Poll(Left);
        Poll(Right);
        if (Left.IsFlushed && Right.IsFlushed)
        {
            FinishClose();
            return;
        }
        SimulationFailure.Unless(
            _world.NowNs < _flushLimitNs,
            () => $"{(Left.IsFlushed ? Right : Left).Name}: the queue pair is in error, and not all that was posted was flushed");
        _world.After(LookNs, AwaitFlush);
    }

    private static void Poll(ConnectionEnd end)
    {
        if (end.State == EndState.Failing)
            end.Guest.PollAll();
    }

    private void FinishClose()
    {
        Left.CheckAtClose();
        Right.CheckAtClose();
        Left.Destroy();
        Right.Destroy();
        Settle();
        Tally.Reopened++;
        _world.After(_dice.Between(1_000, 300_000), Open);
    }

    private void Settle()
    {
        Settle(Left);
        Settle(Right);
    }

    private static void Settle(ConnectionEnd end)
    {
        end.VerifyAfterClose();
        end.Release();
    }
}
