using RoceEngine.PerfTool.Exchange;
using RoceEngine.PerfTool.Options;

namespace RoceEngine.PerfTool.Running;

/// <summary>Ends a ping-pong over a service that repeats nothing: once a message is lost, both sides would wait for ever.</summary>
internal struct LossWatch(PerfOptions options)
{
    /// <summary>Far more than any answer takes.</summary>
    private const long PatienceNs = 10_000_000_000;

    /// <summary>Checks between two looks at the clock.</summary>
    private const int ChecksPerLook = 256;

    private int _checks;
    private long _sinceNs;

    /// <summary>Called over and over while an answer is waited for.</summary>
    /// <exception cref="PeerException">It does not come.</exception>
    public void Check()
    {
        if (!options.IsLossy || ++_checks % ChecksPerLook != 0)
            return;
        long nowNs = RunClock.NowNs;
        if (_sinceNs == 0)
            _sinceNs = nowNs;
        else if (nowNs - _sinceNs > PatienceNs)
            throw new PeerException($"no message for {PatienceNs / 1_000_000_000} s: one was lost, and {options.Connection} repeats none");
    }
}
