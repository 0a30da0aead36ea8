using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using RoceEngine.ConnectionManager.Protocol;
using RoceEngine.Verbs;

namespace RoceEngine.ConnectionManager;

/// <summary>
/// The connection manager of a device: a <see cref="ConnectionCore"/> over the device's QP of general services, with a thread that waits for messages and
/// for the time. Safe for concurrent use.
/// </summary>
public sealed class ConnectionService : IDisposable
{
    private readonly Lock _lock = new();
    private readonly AutoResetEvent _wake = new(false);
    private readonly Func<CmEvent, bool> _onEvent;
    private readonly List<CmEvent> _events = [];
    private readonly HashSet<CmExchange> _waiting = [];
    private readonly ServicesPort _port;
    private readonly ConnectionCore _core;
    private readonly Thread _thread;
    private volatile bool _stopped;
    private Exception? _failure;

    /// <summary>Starts the manager of a device, which must have none.</summary>
    /// <param name="context">The device.</param>
    /// <param name="onEvent">
    /// Takes the events, in order, one at a time. Must not block, nor call back. False when it is too early for one: it is offered again a millisecond later,
    /// and what follows of the same exchange waits behind it.
    /// </param>
    /// <exception cref="VerbsException">EBUSY: the device has one. ENOMEM: no room for its queues.</exception>
    public ConnectionService(RdmaContext context, Func<CmEvent, bool> onEvent)
    {
        ArgumentNullException.ThrowIfNull(context);
        Context = context;
        _onEvent = onEvent;
        PortAttributes port = context.QueryPort();
        _core = new ConnectionCore(new ConnectionOptions
        {
            Random = static () => BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(sizeof(uint))),
            NodeGuid = context.QueryDevice().NodeGuid,
            PathMtuCodeMax = (byte)Verbs.Internals.PathMtu.Encode(port.ActiveMtuBytes),
        });
        _port = new ServicesPort(context, () => _wake.Set());
        _thread = new Thread(Run) { IsBackground = true, Name = "vrdma-cm" };
        _thread.Start();
    }

    /// <summary>The device.</summary>
    public RdmaContext Context { get; }

    /// <summary>What the core counted.</summary>
    public ConnectionCounters Counters => _core.Counters;

    /// <summary>The device is gone, and how.</summary>
    public event Action<Exception>? Lost;

    /// <summary>A call of the core, and what follows from it.</summary>
    /// <param name="call">The call, with the time; nothing of the core may be used outside of it.</param>
    /// <exception cref="VerbsException">The device is gone.</exception>
    public T Call<T>(Func<ConnectionCore, long, T> call)
    {
        lock (_lock)
        {
            if (_failure is { } failure)
            {
                throw failure;
            }

            T result = call(_core, NowNs);
            Flush();

            // The thread may have to wait for an earlier time than it does.
            _ = _wake.Set();
            return result;
        }
    }

    /// <summary>
    /// The process ends: peers of connections that are still there are told that they are over, as a kernel does that closes a process's files. Returns when the
    /// messages are on their way; nobody waits for an answer.
    /// </summary>
    /// <param name="patience">How long at most.</param>
    public void EndConnections(TimeSpan patience)
    {
        long begin = Stopwatch.GetTimestamp();
        bool isDone;
        lock (_lock)
        {
            if (_failure is not null || _core.AbandonAll(NowNs) == 0)
            {
                return;
            }
        }

        do
        {
            _ = Turn();
            lock (_lock)
            {
                isDone = _port.HasSentAll;
            }
        }
        while (!isDone && Stopwatch.GetElapsedTime(begin) < patience);
    }

    /// <summary>Stops the manager; connections are forgotten without a word to peers.</summary>
    public void Dispose()
    {
        _stopped = true;
        _ = _wake.Set();
        _thread.Join();
        if (!Context.IsLost)
        {
            _port.Dispose();
        }

        _wake.Dispose();
    }

    private static long NowNs => (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));

    private void Run()
    {
        try
        {
            while (!_stopped)
            {
                _ = _wake.WaitOne(Turn());
            }
        }
        catch (Exception e)
        {
            lock (_lock)
            {
                _failure = e;
            }

            Lost?.Invoke(e);
        }
    }

    private TimeSpan Turn()
    {
        lock (_lock)
        {
            long now = NowNs;
            _port.Progress((datagram, source) => _core.HandleDatagram(datagram, source, now));
            _core.HandleTimeouts(now);
            Flush();
            long next = _events.Count == 0 ? _core.NextDeadlineNs : now;
            return next == long.MaxValue ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(Math.Clamp(((next - now) / 1_000_000) + 1, 1, 60_000));
        }
    }

    private void Flush()
    {
        while (_port.CanSend && _core.TryTakeSend(out IPAddress? destination, out byte[]? datagram))
        {
            _port.Send(destination, datagram);
        }

        while (_core.TryTakeEvent(out CmEvent? happened))
        {
            _events.Add(happened);
        }

        if (_events.Count > 0)
        {
            _waiting.Clear();
            _ = _events.RemoveAll(happened => happened.Exchange.IsAbandoned || (!_waiting.Contains(happened.Exchange) && IsTaken(happened)));
        }
    }

    private bool IsTaken(CmEvent happened) => _onEvent(happened) || !_waiting.Add(happened.Exchange);
}
