using RoceEngine.Interop;

namespace RoceEngine.Host;

/// <summary>
/// The thread that owns a worker: turns while there is work, then spins, then yields, then sleeps until a doorbell's kick, a
/// packet, a command or a deadline.
/// </summary>
public sealed class WorkerThread : IDisposable
{
    private readonly Worker _worker;
    private readonly Thread _thread;
    private readonly WorkerSleep _sleep;
    private volatile bool _stop;

    public WorkerThread(Worker worker)
    {
        _worker = worker;
        _sleep = new WorkerSleep(worker);
        _thread = new Thread(Run) { IsBackground = true, Name = $"vrdma-worker-{worker.Index}" };
    }

    public void Start() => _thread.Start();

    /// <summary>Ends the thread after its turn and waits for it. Commands that nobody ran are run here.</summary>
    public void Dispose()
    {
        _stop = true;
        _sleep.Wake();
        if (_thread.IsAlive)
            _thread.Join();
        _worker.Turn(HostClock.NowNs());
        _sleep.Dispose();
    }

    private void Run()
    {
        _worker.ThreadId = ThreadScheduling.GetThreadId();
        _ = ThreadScheduling.TrySet(0, ThreadUrgency.Brief);
        var idle = new IdleStrategy(Environment.ProcessorCount);
        while (!_stop)
        {
            long nowNs = HostClock.NowNs();
            int work = _worker.Turn(nowNs);
            switch (idle.Next(work, _worker.HasNews, nowNs))
            {
                case IdleStep.Turn:
                    break;
                case IdleStep.Spin:
                    Thread.SpinWait(1);
                    break;
                case IdleStep.Yield:
                    long beganNs = HostClock.NowNs();
                    _ = Scheduling.Yield();
                    idle.Yielded(beganNs, HostClock.NowNs());
                    break;
                default:
                    if (_sleep.TryPrepare())
                        _ = WorkerSleep.Wait(_sleep.Prepare(long.MaxValue));
                    _sleep.Finish();
                    idle.Woke(HostClock.NowNs());
                    break;
            }
        }
    }
}
