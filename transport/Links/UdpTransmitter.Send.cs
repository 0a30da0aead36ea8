using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RoceEngine.Interop;
using RoceEngine.Wire;
using static RoceEngine.Interop.SocketConstants;

namespace RoceEngine.Links;

/// <summary>The sending half: trains to messages, messages to the kernel, and what to do when it refuses.</summary>
internal sealed unsafe partial class UdpTransmitter
{
    /// <summary>How often a full send buffer is waited for before the rest of a batch is dropped.</summary>
    private const int FullBufferWaitsMax = 8;

    private const long FullBufferWaitNs = 250_000;

    private const int SendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;

    private void SendTrains()
    {
        SumTrains();
        if (GsoActive)
            SendAsMessages();
        else
            for (int i = 0; i < _trainCount; i++)
                SendAsDatagrams(i, wasTrain: false);

        _trainCount = 0;
        _waitingBytes = 0;
        _batch++;
        _memory.Settle(_statistics.BytesSent);
    }

    private void SendAsMessages()
    {
        for (int i = 0; i < _trainCount; i++)
            FillMessage(ref _messages[i].Header, ref _trains[i], _destinations[i]);

        int waits = 0;
        for (int next = 0; next < _trainCount;)
        {
            int sent = SendFrom(next);
            if (sent > 0)
            {
                _statistics.SendCalls++;
                for (int i = 0; i < sent; i++)
                    CountSent(_trains[next + i].Datagrams, _trains[next + i].TotalBytes);
                next += sent;
            }
            else
            {
                next += AfterRefusal(next, Marshal.GetLastPInvokeError(), ref waits);
            }
        }
    }

    /// <summary>Returns how many messages went, -1 when the first did not. A single one goes by the cheaper call.</summary>
    private int SendFrom(int next)
    {
        int count = _trainCount - next;
        if (count > 1)
            return Sockets.SendMultiple(_socket, _messages + next, (uint)count, SendFlags);
        return Sockets.SendMessage(_socket, &_messages[next].Header, SendFlags) < 0 ? -1 : 1;
    }

    /// <summary>The message at the head was refused. Returns how many trains are done with.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int AfterRefusal(int head, int errno, ref int waits)
    {
        switch (errno)
        {
            case Errno.EINTR:
                return 0;

            case Errno.EAGAIN or Errno.ENOBUFS or Errno.ENOMEM:
                if (WaitForBuffer(ref waits))
                    return 0;
                for (int i = head; i < _trainCount; i++)
                    CountDrop(_trains[i].Datagrams, errno);
                return _trainCount - head;

            case Errno.EIO or Errno.EINVAL or Errno.EOPNOTSUPP or Errno.ENOPROTOOPT or Errno.EMSGSIZE when _trains[head].Datagrams > 1:
                // Either no segmentation on this way, or the datagrams exceed the MTU: sent one by one they tell which.
                if (SendAsDatagrams(head, wasTrain: true) && errno != Errno.EMSGSIZE)
                    GiveUpGso(head + 1);
                return GsoActive ? 1 : _trainCount - head;

            default:
                CountDrop(_trains[head].Datagrams, errno);
                return 1;
        }
    }

    /// <summary>From now on every datagram is a message of its own; so are those of the batch that still wait.</summary>
    private void GiveUpGso(int nextTrain)
    {
        GsoActive = false;
        for (int i = nextTrain; i < _trainCount; i++)
            SendAsDatagrams(i, wasTrain: true);
    }

    /// <summary>Waits a little for room in the send buffer. False when it stayed full: then the protocol shall pause.</summary>
    private bool WaitForBuffer(ref int waits)
    {
        if (waits++ < FullBufferWaitsMax)
        {
            Span<PollDescriptor> writable = [new PollDescriptor { Descriptor = _socket, Events = PollDescriptor.POLLOUT }];
            Events.Wait(writable, FullBufferWaitNs);
            return true;
        }
        _congested = true;
        return false;
    }

    private static void FillMessage(ref MessageHeader message, ref Train train, UdpDestination destination)
    {
        message.Name = destination.Name;
        message.NameLength = (uint)destination.NameBytes;
        message.Vectors = train.Vectors;
        message.VectorCount = (nuint)train.VectorCount;
        message.Flags = 0;
        if (train.Datagrams == 1)
        {
            message.Control = destination.Control;
            message.ControlLength = (nuint)destination.ControlBytes;
            return;
        }
        Unsafe.CopyBlockUnaligned(train.Control, destination.Control, (uint)destination.ControlBytes);
        int segmentBytes = ControlMessages.WriteUInt16(
            train.Control + destination.ControlBytes, SOL_UDP, UDP_SEGMENT, (ushort)train.DatagramBytes);
        message.Control = train.Control;
        message.ControlLength = (nuint)(destination.ControlBytes + segmentBytes);
    }

    private void CountSent(int datagrams, int bytes)
    {
        _statistics.MessagesSent++;
        _statistics.DatagramsSent += datagrams;
        _statistics.BytesSent += bytes;
    }

    private void CountDrop(int datagrams, int errno)
    {
        _statistics.LastSendErrno = errno;
        switch (errno)
        {
            case Errno.EAGAIN or Errno.ENOBUFS or Errno.ENOMEM:
                _statistics.DroppedNoBuffer += datagrams;
                break;
            case Errno.EMSGSIZE:
                _statistics.DroppedTooLong += datagrams;
                break;
            case Errno.ENETUNREACH or Errno.EHOSTUNREACH or Errno.ENETDOWN or Errno.EADDRNOTAVAIL:
                _statistics.DroppedUnreachable += datagrams;
                break;
            case Errno.EPERM or Errno.EACCES:
                _statistics.DroppedNotPermitted += datagrams;
                break;
            default:
                _statistics.DroppedOther += datagrams;
                break;
        }
    }
}
