using System.Net;
using RoceEngine.Channel;
using RoceEngine.Launching;

namespace RoceEngine.Vrdma.Demo.Moving;

/// <summary>What came of a run.</summary>
/// <param name="Moves">In their order.</param>
/// <param name="Sender">What the guest that moved counted.</param>
/// <param name="Receiver">What its peer counted.</param>
/// <param name="BeginSeconds">When the stream began.</param>
/// <param name="PeerSamples">Throughput as the peer saw it.</param>
internal sealed record MigrationDemoResult(
    IReadOnlyList<MoveRecord> Moves, StreamTotal Sender, StreamTotal Receiver, double BeginSeconds, IReadOnlyList<StreamSample> PeerSamples);

/// <summary>
/// Two daemons, A and B, and two guests: one streams to the other, which stays at B, while its device moves between the daemons. At A the packets go over
/// UDP, at B from memory to memory.
/// </summary>
internal sealed class MigrationDemo(IPAddress firstAddress, int moves, ILiveView view)
{
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(100);

    public async Task<MigrationDemoResult> RunAsync(CancellationToken cancellation)
    {
        await using PrivateDaemons daemons = PrivateDaemons.Create("vrdma", "a", "b");
        AddressPlan plan = new(firstAddress);
        IPAddress moving = plan.Take();
        IPAddress staying = plan.Take();
        DaemonProcess a = await daemons.StartAsync("a", moving, cancellation);
        DaemonProcess b = await daemons.StartAsync("b", staying, cancellation);
        await using StreamProcess sender = await StreamProcess.StartAsync("sender", a.SocketPath, moving, cancellation);
        await using StreamProcess receiver = await StreamProcess.StartAsync("receiver", b.SocketPath, staying, cancellation);
        view.Say($"daemon A: pid {a.Id}, takes devices at {a.MigrationEndPoint}; daemon B: pid {b.Id}, at {b.MigrationEndPoint}");
        view.Say($"guest {moving} (pid {sender.Id}) streams to guest {staying} (pid {receiver.Id}), which stays at B");
        await receiver.ConnectAsync(sender.End, cancellation);
        await sender.ConnectAsync(receiver.End, cancellation);
        return await StreamAsync(a, b, moving, sender, receiver, cancellation);
    }

    private async Task<MigrationDemoResult> StreamAsync(
        DaemonProcess a, DaemonProcess b, IPAddress moving, StreamProcess sender, StreamProcess receiver, CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task<StreamTotal> sent = sender.WatchAsync(stop.Token);
        Task<StreamTotal> received = receiver.WatchAsync(stop.Token);
        Task daemons = Task.WhenAny(a.WatchAsync(stop.Token), b.WatchAsync(stop.Token)).Unwrap();
        double begin = StreamClock.Now;
        await receiver.SayAsync("go", cancellation);
        await sender.SayAsync("go", cancellation);
        try
        {
            Task<List<MoveRecord>> moved = MoveAsync(a, b, moving, receiver, stop.Token);
            await await Task.WhenAny(moved, sent, received, daemons);
            List<MoveRecord> records = await moved;
            await sender.SayAsync("stop", cancellation);
            StreamTotal sentTotal = await sent;
            await receiver.SayAsync("stop", cancellation);
            return new MigrationDemoResult(records, sentTotal, await received, begin, receiver.Samples);
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAny(Task.WhenAll(sent, received, daemons));
        }
    }

    private async Task<List<MoveRecord>> MoveAsync(DaemonProcess a, DaemonProcess b, IPAddress moving, StreamProcess peer, CancellationToken cancellation)
    {
        List<MoveRecord> records = [];
        await ShowAsync(peer, "A", cancellation);
        for (int i = 0; i < moves; i++)
        {
            bool isThere = i % 2 != 0;
            (DaemonProcess from, DaemonProcess to) = isThere ? (b, a) : (a, b);
            double begin = StreamClock.Now;
            MigrationReport report = await Task.Run(() => Move(from, to, moving, cancellation), cancellation);
            MoveRecord record = new(isThere ? "B" : "A", isThere ? "A" : "B", begin, StreamClock.Now, report);
            records.Add(record);
            view.Moved(records.Count, moves, record);
            await ShowAsync(peer, record.To, cancellation);
        }

        return records;
    }

    private async Task ShowAsync(StreamProcess peer, string place, CancellationToken cancellation)
    {
        for (TimeSpan shown = TimeSpan.Zero; shown < Between; shown += Glance)
        {
            await Task.Delay(Glance, cancellation);
            view.Show(place, peer.Samples);
        }
    }

    private static MigrationReport Move(DaemonProcess from, DaemonProcess to, IPAddress device, CancellationToken cancellation)
    {
        try
        {
            return PrivateDaemons.Move(from.SocketPath, device.ToString(), to.MigrationEndPoint!, "auto", cancellation);
        }
        catch (ChannelException failure)
        {
            throw new DemoException(failure.Message, failure);
        }
    }
}
