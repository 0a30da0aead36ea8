namespace RoceEngine.SideBySide.Engine;

/// <summary>System calls of the links of both ends for each MiB that a stream moved, those that asked for datagrams in vain included.</summary>
/// <param name="stream">The stream; disposed with the measurement.</param>
/// <param name="linkCalls">All calls so far.</param>
internal sealed class SystemCallsPerMebibyte(MessageStream stream, Func<long> linkCalls) : IMeasurement
{
    public double Measure(double seconds)
    {
        long callsBefore = linkCalls();
        long bytesBefore = stream.CompletedBytes;
        _ = stream.Measure(seconds);
        return (linkCalls() - callsBefore) / ((stream.CompletedBytes - bytesBefore) / (double)(1 << 20));
    }

    public void Dispose() => stream.Dispose();
}

/// <summary>
/// Managed bytes that posting, polling and both inline hosts allocate for each message of a stream, in steady state: two threads do all of it.
/// </summary>
internal sealed class AllocatedPerMessage(MessageStream stream) : IMeasurement
{
    public double Measure(double seconds)
    {
        long bytesBefore = stream.AllocatedBytes;
        long messagesBefore = stream.Completed;
        _ = stream.Measure(seconds);
        return (stream.AllocatedBytes - bytesBefore) / (double)(stream.Completed - messagesBefore);
    }

    public void Dispose() => stream.Dispose();
}
