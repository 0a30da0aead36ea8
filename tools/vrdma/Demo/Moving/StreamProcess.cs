using System.Net;
using RoceEngine.Launching;

namespace RoceEngine.Vrdma.Demo.Moving;

/// <summary>A streaming guest as its parent sees it.</summary>
internal sealed class StreamProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ChildProcess _process;
    private readonly List<StreamSample> _samples = [];
    private readonly Lock _lock = new();

    private StreamProcess(ChildProcess process, GuestEnd end)
    {
        _process = process;
        End = end;
    }

    public GuestEnd End { get; }

    public int Id => _process.Id;

    /// <summary>All samples so far.</summary>
    public StreamSample[] Samples
    {
        get
        {
            lock (_lock)
            {
                return [.. _samples];
            }
        }
    }

    public static async Task<StreamProcess> StartAsync(string role, string socketPath, IPAddress address, CancellationToken cancellation)
    {
        string[] arguments = ["guest", "--socket", socketPath, "--address", address.ToString(), "--stream", role];
        ChildProcess process = ChildProcess.Start($"{role} {address}", ProgramPath.Find("vrdma"), arguments);
        try
        {
            return new StreamProcess(process, StreamLine.ReadEnd(await ReadAsync(process, "end", cancellation)));
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    public async Task ConnectAsync(GuestEnd peer, CancellationToken cancellation)
    {
        await _process.WriteLineAsync(StreamLine.WriteEnd("connect", peer), cancellation);
        _ = await ReadAsync(_process, "ready", cancellation);
    }

    public Task SayAsync(string word, CancellationToken cancellation) => _process.WriteLineAsync(word, cancellation);

    /// <summary>Takes in samples until the guest is done; its total.</summary>
    /// <exception cref="DemoException">It found something wrong, or ended.</exception>
    public async Task<StreamTotal> WatchAsync(CancellationToken cancellation)
    {
        while (true)
        {
            string line = await _process.ReadLineAsync(Patience, cancellation);
            if (line.StartsWith("error ", StringComparison.Ordinal))
                throw new DemoException($"{_process.Label} (pid {Id}): {line[6..]}");
            double[] numbers = StreamLine.ReadNumbers(line);
            if (line.StartsWith("done ", StringComparison.Ordinal))
                return new StreamTotal((long)numbers[0], (long)numbers[1], (long)numbers[2]);
            lock (_lock)
            {
                _samples.Add(new StreamSample(numbers[0], (long)numbers[1], numbers[2]));
            }
        }
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private static async Task<string> ReadAsync(ChildProcess process, string verb, CancellationToken cancellation)
    {
        string line = await process.ReadLineAsync(Patience, cancellation);
        return line.StartsWith(verb, StringComparison.Ordinal) ? line : throw new DemoException($"{process.Label}: {line}");
    }
}
