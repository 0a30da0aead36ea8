using System.Text;
using System.Text.Json;
using RoceEngine.Abi;
using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>The device runs at another daemon now.</summary>
/// <param name="SocketPath">The daemon's socket.</param>
/// <param name="Name">The device's name there.</param>
/// <param name="HeldTime">How long threads that touch guest memory were held; zero where the memory went along.</param>
public sealed record DeviceMoved(string SocketPath, string Name, TimeSpan HeldTime);

/// <summary>A guest on its way to another daemon: connected there, not yet let in. For the watcher's thread, but <see cref="Interrupt"/>.</summary>
internal sealed class MoveToDaemon : IDisposable
{
    /// <summary>How long a daemon may take for an answer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly ChannelMemory _memory;
    private readonly MoveOrder _order;
    private FrameStream? _stream;
    private int[] _events = [];
    private string _name = "";

    private MoveToDaemon(ChannelMemory memory, MoveOrder order, UnixSocket socket)
    {
        _memory = memory;
        _order = order;
        _stream = new FrameStream(socket);
    }

    /// <summary>The daemon there has a copy of guest RAM, and the guest does not take its own along.</summary>
    public bool CopiesMemory => _order.CopiesMemory;

    /// <summary>Where the device is.</summary>
    public unsafe MoveDecision Decision => MoveDecision.Of(_memory.Control, _order.Attempt);

    /// <summary>The connection there.</summary>
    public FrameStream Stream => _stream!;

    /// <summary>Connects to the daemon that an order names and claims the device. Null, or a sentence that says why that cannot be.</summary>
    public static string? TryBegin(ReadOnlySpan<byte> json, ChannelMemory memory, out MoveToDaemon? move)
    {
        move = null;
        try
        {
            MoveOrder order = JsonSerializer.Deserialize(json, ChannelJson.Default.MoveOrder) ?? throw new JsonException("null is not an order");
            var begun = new MoveToDaemon(memory, order, UnixSocket.Connect(order.SocketPath));
            string? problem = begun.Claim();
            if (problem is null)
                move = begun;
            else
                begun.Dispose();
            return problem;
        }
        catch (Exception e) when (e is JsonException or SystemCallException or ArgumentException)
        {
            return $"the guest cannot reach the daemon there: {e.Message}";
        }
    }

    /// <summary>
    /// Hears what the daemon there said, which has news: true when the guest was let in, false when it is gone or has dropped the device, null when it said
    /// nothing yet.
    /// </summary>
    public bool? Hear()
    {
        bool isThere = _stream!.TryFill();
        if (_stream.TryTake(out ReadOnlySpan<byte> message))
            return message.Length == 1 && message[0] == MoveSignals.Arrived;
        return isThere ? null : false;
    }

    /// <summary>The guest was let in: the daemon's events take the places of those of before.</summary>
    public DeviceMoved WasLetIn(TimeSpan heldTime)
    {
        _memory.ReplaceEvents(_events);

        // Whoever kicked in the last moment kicked the event of before.
        _ = Events.Signal(_memory.KickDescriptor);
        return new DeviceMoved(_order.SocketPath, _name, heldTime);
    }

    /// <summary>The connection, for whoever goes on with it.</summary>
    public FrameStream TakeStream()
    {
        FrameStream taken = _stream!;
        _stream = null;
        return taken;
    }

    /// <summary>Ends a wait for the daemon there.</summary>
    public void Interrupt() => _stream?.Socket.Shutdown();

    public void Dispose()
    {
        _stream?.Socket.Dispose();
        foreach (int descriptor in _events)
            _ = Events.Close(descriptor);
        _events = [];
    }

    private string? Claim()
    {
        var request = new DaemonRequest
        {
            Type = ChannelProtocol.ClaimType,
            Version = ChannelProtocol.Version,
            Claim = new ClaimRequest { Token = _order.Token },
        };
        ReadOnlySpan<int> brought = [_memory.ControlDescriptor, _memory.GuestRamDescriptor];
        if (!_stream!.TrySend(ChannelJson.Write(request), _order.CopiesMemory ? brought[..1] : brought))
            return "the daemon there does not listen to the guest";
        ReadOnlySpan<byte> answer = _stream.Receive(Patience);
        _events = _stream.TakeDescriptors();
        if (answer.IsEmpty)
            return "the daemon there does not answer the guest";
        DaemonReply reply = ChannelJson.ReadReply(answer);
        if (reply.Claimed is not { } claimed)
            return reply.Refusal ?? $"the daemon there makes no sense to the guest: {Encoding.UTF8.GetString(answer)}";
        _name = claimed.Name;
        return _events.Length == ChannelProtocol.EventDescriptorCount ? null : "the daemon there gave the guest no events";
    }
}
