using RoceEngine.Channel;
using RoceEngine.Host.Migration;
using RoceEngine.Host.Snapshots;
using RoceEngine.Interop;

namespace RoceEngine.Host;

/// <summary>One connection to the daemon's socket, as the conductor keeps it: bytes in, bytes out, and what it turned out to be.</summary>
internal sealed class ControlClient : IDisposable
{
    private readonly FrameAssembler _frames = new(ChannelProtocol.RequestBytesMax);
    private readonly ByteQueue _outgoing = new();
    private readonly List<int> _descriptors = [];

    public ControlClient(UnixSocket socket)
    {
        Socket = socket;
        Peer = socket.PeerCredentials;
    }

    public UnixSocket Socket { get; }

    public PeerCredentials Peer { get; }

    /// <summary>The device, when this is a guest's connection.</summary>
    public AttachedGuest? Guest { get; set; }

    /// <summary>The restored device that this client looks at, and may take.</summary>
    public AttachedGuest? Taking { get; set; }

    /// <summary>The device that this client claimed, while it is not let in.</summary>
    public ComingGuest? Coming { get; set; }

    /// <summary>The client asked for something that takes long: calls it off, where it can be.</summary>
    public Action? CallOff { get; set; }

    /// <summary>The device that was saved for this client and stands still until the client has it safe.</summary>
    public StandingDevice? Standing { get; set; }

    /// <summary>The connection stays although it has ended: somebody still has to say what that means.</summary>
    public bool IsHeld { get; set; }

    /// <summary>The capture that goes to this client.</summary>
    public CaptureSession? Capture { get; set; }

    /// <summary>True while an answer is being made; further requests wait.</summary>
    public bool IsBusy { get; set; }

    /// <summary>True when the peer has stopped talking, or died.</summary>
    public bool EndOfInput { get; private set; }

    /// <summary>True when nothing can be sent any more.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Set to close the connection once everything is sent.</summary>
    public bool CloseWhenSent { get; set; }

    /// <summary>How many questions of <see cref="MoveSignals"/> a guest has not answered: whoever asked the first of them may have gone.</summary>
    public int AnswersOwed { get; private set; }

    public int UnsentBytes => _outgoing.Count;

    public bool MustClose => IsBroken || (CloseWhenSent && _outgoing.Count == 0);

    /// <summary>True while a request may come and be served.</summary>
    public bool MayAsk => !IsBusy && !CloseWhenSent && Guest is null && Capture is null && Coming is null;

    /// <summary>The poll events that matter now.</summary>
    public short Interest => (short)((EndOfInput || (IsBusy && CallOff is null) ? 0 : PollDescriptor.POLLIN) | (_outgoing.Count > 0 ? PollDescriptor.POLLOUT : 0));

    /// <summary>Takes what came from the socket, a bounded amount.</summary>
    public void Receive()
    {
        Span<byte> buffer = stackalloc byte[4096];
        Span<int> descriptors = stackalloc int[ChannelProtocol.AttachDescriptorCount];
        int received = DescriptorPassing.Receive(Socket.Descriptor, buffer, descriptors, out int descriptorCount);
        KeepDescriptors(descriptors[..descriptorCount]);
        if (received > 0)
        {
            // What a refused client says is not looked at, nor what follows nonsense of a guest.
            if (!CloseWhenSent && (Guest is null || OversizedBytes < 0))
                _frames.Append(buffer[..received]);
            return;
        }
        if (received is not (-Errno.EAGAIN) and not (-Errno.EINTR))
        {
            EndOfInput = true;
            IsBroken |= received < 0;
        }
    }

    /// <summary>A guest was asked this.</summary>
    public void NoteAsked(byte signal)
    {
        if (signal is MoveSignals.Track or MoveSignals.Collect or MoveSignals.Hold or MoveSignals.Prepare)
            AnswersOwed++;
    }

    /// <summary>A guest said this; true when it is an answer that it owed.</summary>
    public bool TakeAnswer(byte signal)
    {
        bool isOwed = AnswersOwed > 0
            && signal is MoveSignals.Tracking or MoveSignals.CannotTrack or MoveSignals.Dirty or MoveSignals.Held or MoveSignals.Prepared;
        AnswersOwed -= isOwed ? 1 : 0;
        return isOwed;
    }

    /// <summary>The descriptors that came and nobody took yet; the caller owns them.</summary>
    public int[] TakeDescriptors()
    {
        int[] taken = [.. _descriptors];
        _descriptors.Clear();
        return taken;
    }

    private void KeepDescriptors(ReadOnlySpan<int> descriptors)
    {
        foreach (int descriptor in descriptors)
        {
            if ((Guest is null ? Coming is null : Guest.Move is not null) && _descriptors.Count < ChannelProtocol.AttachDescriptorCount)
                _descriptors.Add(descriptor);
            else
                _ = Events.Close(descriptor);
        }
    }

    /// <summary>The next whole request. False when there is none; <see cref="OversizedBytes"/> tells whether there can be.</summary>
    public bool TryTakeRequest(out ReadOnlySpan<byte> request) => _frames.TryTake(out request);

    /// <summary>Messages of that many bytes are allowed from now on.</summary>
    public void AllowBytes(int messageBytesMax) => _frames.FrameBytesMax = messageBytesMax;

    /// <summary>The length of a request that is longer than allowed, or -1.</summary>
    public long OversizedBytes => _frames.OversizedBytes;

    public void Send(DaemonReply reply) => SendFrame(ChannelJson.Write(reply));

    /// <summary>Queues bytes with their length in front.</summary>
    public void SendFrame(ReadOnlySpan<byte> message)
    {
        Span<byte> length = stackalloc byte[ChannelProtocol.LengthBytes];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(length, message.Length);
        _outgoing.Append(length);
        _outgoing.Append(message);
        Flush();
    }

    /// <summary>Sends a reply with descriptors, all at once. False when the socket does not take it: the client is to be dropped.</summary>
    public bool TrySendWithDescriptors(DaemonReply reply, ReadOnlySpan<int> descriptors) => TrySendWithDescriptors(ChannelJson.Write(reply), descriptors);

    /// <inheritdoc cref="TrySendWithDescriptors(DaemonReply, ReadOnlySpan{int})"/>
    public bool TrySendWithDescriptors(ReadOnlySpan<byte> message, ReadOnlySpan<int> descriptors)
    {
        byte[] frame = FrameAssembler.Frame(message);
        if (_outgoing.Count > 0 || DescriptorPassing.Send(Socket.Descriptor, frame, descriptors) != frame.Length)
            IsBroken = true;
        return !IsBroken;
    }

    /// <summary>Sends what the socket takes.</summary>
    public void Flush()
    {
        while (_outgoing.Count > 0 && !IsBroken)
        {
            int sent = Socket.SendAvailable(_outgoing.Pending);
            if (sent == -Errno.EAGAIN)
                return;
            if (sent == -Errno.EINTR)
                continue;
            IsBroken = sent < 0;
            if (sent > 0)
                _outgoing.Consume(sent);
        }
    }

    /// <summary>Refuses, and closes when that is sent.</summary>
    public void Refuse(string reason)
    {
        Send(new DaemonReply { Refusal = reason });
        CloseWhenSent = true;
    }

    public void Dispose()
    {
        foreach (int descriptor in TakeDescriptors())
            _ = Events.Close(descriptor);
        Socket.Dispose();
    }
}
