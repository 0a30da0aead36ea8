using System.Diagnostics;
using RoceEngine.Interop;

namespace RoceEngine.Channel;

/// <summary>Whole messages over a Unix socket, for a side that can wait. For one thread at a time. Does not own the socket.</summary>
internal sealed class FrameStream(UnixSocket socket)
{
    private readonly FrameAssembler _frames = new(MoveSignals.MessageBytesMax);
    private readonly byte[] _received = new byte[16 * 1024];
    private readonly List<int> _descriptors = [];

    public UnixSocket Socket { get; } = socket;

    /// <summary>Sends a message with its length in front. False when the other side is gone.</summary>
    public bool TrySend(ReadOnlySpan<byte> message, ReadOnlySpan<int> descriptors = default)
    {
        ReadOnlySpan<byte> frame = FrameAssembler.Frame(message);
        if (!descriptors.IsEmpty)
        {
            int sent = DescriptorPassing.Send(Socket.Descriptor, frame, descriptors);
            if (sent < 0)
                return false;
            frame = frame[sent..];
        }
        while (!frame.IsEmpty)
        {
            int sent = Socket.SendAvailable(frame);
            if (sent == -Errno.EAGAIN)
                Wait(PollDescriptor.POLLOUT, -1);
            else if (sent is < 0 and not -Errno.EINTR)
                return false;
            else
                frame = frame[Math.Max(sent, 0)..];
        }
        return true;
    }

    /// <summary>More came than was taken.</summary>
    public bool HasMore => _frames.PendingBytes > 0;

    /// <summary>Takes a message that came already.</summary>
    public bool TryTake(out ReadOnlySpan<byte> message) => _frames.TryTake(out message);

    /// <summary>Takes in what waits at the socket; false when the other side is gone, or speaks nonsense.</summary>
    public bool TryFill()
    {
        Span<int> descriptors = stackalloc int[ChannelProtocol.AttachDescriptorCount];
        if (Wait(PollDescriptor.POLLIN, 0) == 0)
            return true;
        int received = DescriptorPassing.Receive(Socket.Descriptor, _received, descriptors, out int count);
        _descriptors.AddRange(descriptors[..count]);
        if (received > 0)
            _frames.Append(_received.AsSpan(0, received));
        return (received > 0 || received is -Errno.EAGAIN or -Errno.EINTR) && _frames.OversizedBytes < 0;
    }

    /// <summary>The next message; empty when the other side is gone or the time is over.</summary>
    public ReadOnlySpan<byte> Receive(TimeSpan patience)
    {
        long begin = Stopwatch.GetTimestamp();
        while (true)
        {
            if (_frames.TryTake(out ReadOnlySpan<byte> message))
                return message;
            TimeSpan left = patience - Stopwatch.GetElapsedTime(begin);
            if (left <= TimeSpan.Zero || (Wait(PollDescriptor.POLLIN, (long)left.TotalNanoseconds) > 0 && !TryFill()))
                return default;
        }
    }

    /// <summary>The descriptors that came so far; the caller owns them.</summary>
    public int[] TakeDescriptors()
    {
        int[] taken = [.. _descriptors];
        _descriptors.Clear();
        return taken;
    }

    private int Wait(short events, long timeoutNs)
    {
        Span<PollDescriptor> descriptor = stackalloc PollDescriptor[1];
        descriptor[0] = new PollDescriptor { Descriptor = Socket.Descriptor, Events = events };
        return Events.Wait(descriptor, timeoutNs);
    }
}
