using RoceEngine.Verbs;

namespace RoceEngine.SideBySide.Engine;

/// <summary>RC WRITEs of one size, back to back, to a guest of the same host: all on the posting thread. In GB/s.</summary>
internal sealed class LocalWriteStream(int messageBytes, int depth) : IMeasurement
{
    private const int MessagesPerBatch = 16;

    private readonly GuestPair _pair = GuestPair.Local(messageBytes);

    public double Measure(double seconds)
    {
        int outstanding = 0;
        var timer = new BatchTimer(seconds);
        do
        {
            for (int completed = 0; completed < MessagesPerBatch;)
            {
                _pair.Near.BeginPost();
                for (; outstanding < depth; outstanding++)
                    _pair.Near.TryPost(SendOpcode.Write, _pair.Far, messageBytes, signalled: true);
                _pair.Near.EndPost();
                int done = _pair.Near.Poll();
                completed += done;
                outstanding -= done;
            }
        }
        while (timer.Next());
        while (outstanding > 0)
            outstanding -= _pair.Near.Poll();
        return (double)messageBytes * MessagesPerBatch / timer.MedianSeconds / 1e9;
    }

    public void Dispose() => _pair.Dispose();
}
