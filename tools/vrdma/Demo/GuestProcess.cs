using System.Net;
using System.Text.Json;
using RoceEngine.Launching;

namespace RoceEngine.Vrdma.Demo;

/// <summary>A guest process as its parent sees it: requests and replies, a JSON line each.</summary>
internal sealed class GuestProcess : IAsyncDisposable
{
    private static readonly TimeSpan ReplyPatience = TimeSpan.FromSeconds(60);

    private readonly ChildProcess _process;

    private GuestProcess(ChildProcess process, IPAddress address)
    {
        _process = process;
        Address = address;
    }

    public IPAddress Address { get; }

    public int Id => _process.Id;

    /// <summary>Starts a guest and waits until it is attached.</summary>
    /// <param name="socketPath">The daemon's socket.</param>
    /// <param name="address">The address to attach with.</param>
    /// <param name="abandonedDirectory">What the guest removes when its parent ends without a word; null for nothing.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="DemoException">It was refused or ended.</exception>
    public static async Task<GuestProcess> StartAsync(
        string socketPath, IPAddress address, string? abandonedDirectory, CancellationToken cancellation)
    {
        List<string> arguments = ["guest", "--socket", socketPath, "--address", address.ToString()];
        if (abandonedDirectory is not null)
            arguments.AddRange(["--abandoned", abandonedDirectory]);
        ChildProcess process = ChildProcess.Start($"guest {address}", ProgramPath.Find("vrdma"), arguments);
        GuestProcess guest = new(process, address);
        try
        {
            await guest.ReadReplyAsync(cancellation);
            return guest;
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes a new QP and tells its end.</summary>
    public async Task<GuestEnd> OpenAsync(CancellationToken cancellation) =>
        (await AskAsync(new GuestRequest { Verb = GuestVerb.Open }, cancellation)).End!;

    public Task ConnectAsync(GuestEnd peer, CancellationToken cancellation) =>
        AskAsync(new GuestRequest { Verb = GuestVerb.Connect, Peer = peer }, cancellation);

    public Task PrepareAsync(Pass pass, bool isRequester, CancellationToken cancellation) =>
        AskAsync(new GuestRequest { Verb = GuestVerb.Prepare, Pass = pass, IsRequester = isRequester }, cancellation);

    public Task<GuestReply> RunAsync(Pass pass, CancellationToken cancellation) =>
        AskAsync(new GuestRequest { Verb = GuestVerb.Run, Pass = pass, IsRequester = true }, cancellation);

    public Task CheckAsync(Pass pass, bool isRequester, CancellationToken cancellation) =>
        AskAsync(new GuestRequest { Verb = GuestVerb.Check, Pass = pass, IsRequester = isRequester }, cancellation);

    public Task QuitAsync(CancellationToken cancellation) => AskAsync(new GuestRequest { Verb = GuestVerb.Quit }, cancellation);

    /// <summary>Completes, with the failure, when the guest ends.</summary>
    public Task WatchAsync(CancellationToken cancellation) => _process.WatchExitAsync(cancellation);

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private async Task<GuestReply> AskAsync(GuestRequest request, CancellationToken cancellation)
    {
        await _process.WriteLineAsync(JsonSerializer.Serialize(request, DemoJson.Default.GuestRequest), cancellation);
        return await ReadReplyAsync(cancellation);
    }

    private async Task<GuestReply> ReadReplyAsync(CancellationToken cancellation)
    {
        string line = await _process.ReadLineAsync(ReplyPatience, cancellation);
        GuestReply reply = JsonSerializer.Deserialize(line, DemoJson.Default.GuestReply)!;
        return reply.Error is null ? reply : throw new DemoException($"{_process.Label} (pid {Id}): {reply.Error}");
    }
}
