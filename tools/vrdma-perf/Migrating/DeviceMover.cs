using RoceEngine.Channel;
using RoceEngine.Launching;
using RoceEngine.PerfTool.Options;
using RoceEngine.Verbs;

namespace RoceEngine.PerfTool.Migrating;

/// <summary>Moves a device from daemon to daemon, again and again, on a thread of its own, while a stream runs on it.</summary>
internal sealed class DeviceMover : IDisposable
{
    /// <summary>How long the guest library may take to tell where the device is once the daemon that it left says that it is gone.</summary>
    private static readonly TimeSpan s_arrivalPatience = TimeSpan.FromSeconds(5);

    private readonly RdmaContext _context;
    private readonly MigrationPlan _plan;
    private readonly Thread _thread;
    private readonly ManualResetEventSlim _ending = new();
    private readonly CancellationTokenSource _callOff = new();
    private readonly SemaphoreSlim _arrivals = new(0);
    private readonly List<MoveRecord> _moves = [];
    private readonly List<string> _failures = [];
    private volatile string _socketPath;
    private string _place;
    private double _beginSeconds;

    /// <param name="context">The device. It stays the caller's.</param>
    /// <param name="plan">How often and where to.</param>
    /// <param name="socketPath">Of the daemon that has it now; null for the default one.</param>
    public DeviceMover(RdmaContext context, MigrationPlan plan, string? socketPath)
    {
        _context = context;
        _plan = plan;
        _socketPath = socketPath ?? ChannelProtocol.DefaultSocketPath();
        _place = _socketPath;
        _context.Moved += OnMoved;
        _thread = new Thread(Run) { IsBackground = true, Name = "mover" };
    }

    /// <summary>What the stream's thread tells of its completions.</summary>
    public CompletionMeter Meter { get; } = new();

    /// <summary>The stream begins.</summary>
    public void Begin()
    {
        Meter.Begin();
        _beginSeconds = StreamClock.Now;
        _thread.Start();
    }

    /// <summary>The stream is over: lets a move that is under way come to its end, and tells what came of all.</summary>
    public MigrationResult End()
    {
        _ending.Set();
        _thread.Join();
        return MigrationResult.From(_moves, _failures, Meter.Samples, _beginSeconds);
    }

    /// <summary>Calls off what is under way.</summary>
    public void Dispose()
    {
        _callOff.Cancel();
        _ending.Set();
        if (_thread.IsAlive)
            _thread.Join();
        _context.Moved -= OnMoved;
        _callOff.Dispose();
        _ending.Dispose();
        _arrivals.Dispose();
    }

    private void Run()
    {
        double next = _beginSeconds;
        while (true)
        {
            // A move that takes longer than the period leaves out those that it covers.
            double now = StreamClock.Now;
            next += _plan.Period.TotalSeconds * Math.Max(1, Math.Ceiling((now - next) / _plan.Period.TotalSeconds));
            if (_ending.Wait(TimeSpan.FromSeconds(Math.Max(0, next - now))))
                return;
            try
            {
                Move(_plan.Targets[_moves.Count % _plan.Targets.Count]);
            }
            catch (ChannelException failure)
            {
                if (!_callOff.IsCancellationRequested)
                    _failures.Add(failure.Message);
            }
        }
    }

    private void Move(MigrationTarget target)
    {
        double begin = StreamClock.Now;
        MigrateRequest request = new()
        {
            Device = _context.Address.ToString(), Host = target.Host, Port = target.Port, IsInsecure = _plan.IsInsecure, Memory = Word(_plan.Memory),
        };
        MigrationReport report;
        using (DaemonConnection connection = DaemonConnection.Open(_socketPath))
            report = connection.Migrate(request, progress: null, _callOff.Token);
        _moves.Add(new MoveRecord(_place, target.ToString(), begin, StreamClock.Now, report));
        _place = target.ToString();
        if (!_arrivals.Wait(s_arrivalPatience))
            throw new ChannelException("the device went, but the guest library did not tell where it is");
    }

    private static string Word(MigrationMemory memory) => memory switch
    {
        MigrationMemory.Copy => "copy",
        MigrationMemory.Share => "share",
        _ => "auto",
    };

    /// <summary>On the guest library's thread.</summary>
    private void OnMoved(DeviceMoved moved)
    {
        _socketPath = moved.SocketPath;
        _arrivals.Release();
    }
}
