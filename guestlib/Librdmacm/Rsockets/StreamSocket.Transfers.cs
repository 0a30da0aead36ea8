using RoceEngine.Interop;
using RoceEngine.Libibverbs;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Rsockets;
using RoceEngine.Verbs;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Librdmacm.Rsockets;

/// <summary>Flags of send(2) and recv(2) that have a meaning here. The others are without effect.</summary>
[Flags]
internal enum TransferFlags
{
    /// <summary>MSG_OOB, which a stream does not have.</summary>
    OutOfBand = 0x1,

    /// <summary>MSG_PEEK.</summary>
    Peek = 0x2,

    /// <summary>MSG_DONTWAIT.</summary>
    DoNotWait = 0x40,

    /// <summary>MSG_WAITALL.</summary>
    WaitForAll = 0x100,
}

/// <content>Sending and receiving: bytes, or a negative error number. A signal does not end a wait, as if its handler had SA_RESTART.</content>
internal sealed unsafe partial class StreamSocket
{
    /// <summary>recv(2).</summary>
    /// <exception cref="VerbsException">ENOTCONN, EINVAL, EFAULT, EOPNOTSUPP.</exception>
    public nint Receive(IoVector* vectors, int count, TransferFlags flags) => Transfer(SocketWish.Receive, new IoCursor(vectors, count), 0, flags);

    /// <summary>send(2).</summary>
    /// <exception cref="VerbsException">ENOTCONN, EINVAL, EFAULT, EOPNOTSUPP.</exception>
    public nint Send(IoVector* vectors, int count, TransferFlags flags) => Transfer(SocketWish.Send, new IoCursor(vectors, count), 0, flags);

    /// <summary>riowrite of rsocket(7): fewer bytes than asked for where the peer has mapped no more.</summary>
    /// <exception cref="VerbsException">ENOTCONN, EINVAL, EFAULT, EOPNOTSUPP.</exception>
    public nint WriteMapped(byte* data, nuint bytes, ulong offset, TransferFlags flags)
    {
        var vector = new IoVector { Base = data, Length = bytes };
        return Transfer(SocketWish.WriteMapped, new IoCursor(&vector, 1), offset, flags);
    }

    /// <summary>Does what can be done, and waits for the rest unless it must not.</summary>
    private nint Transfer(SocketWish wish, IoCursor cursor, ulong offset, TransferFlags flags)
    {
        while (true)
        {
            bool isConnecting;
            lock (_lock)
            {
                isConnecting = IsConnecting(flags);
                nint result = 0;
                if (!isConnecting && wish switch
                {
                    SocketWish.Receive => TryReceive(ref cursor, flags, out result),
                    SocketWish.Send => TrySend(ref cursor, out result),
                    _ => TryWriteMapped(ref cursor, offset, out result),
                })
                {
                    return result;
                }

                if (_isNonBlocking || (flags & TransferFlags.DoNotWait) != 0)
                {
                    return cursor.Done != 0 ? cursor.Done : -Errno.EAGAIN;
                }
            }

            _ = Await(isConnecting ? SocketWish.Connect : wish);
        }
    }

    /// <summary>False: there is a stream. True: there will be, or not; it is not known yet.</summary>
    /// <exception cref="VerbsException">There is none.</exception>
    private bool IsConnecting(TransferFlags flags)
    {
        if ((flags & TransferFlags.OutOfBand) != 0)
        {
            throw new VerbsException(Errno.EOPNOTSUPP, "a stream over RDMA has no urgent data");
        }

        if (State == SocketState.Connected)
        {
            return false;
        }

        _ = Advance();
        ThrowIfClosed();
        return State switch
        {
            SocketState.Connected => false,
            SocketState.Connecting => true,
            _ => throw new VerbsException(TakeError() is not 0 and int error ? error : CmErrno.NotConnected, "the socket is not connected"),
        };
    }

    private bool TryReceive(ref IoCursor cursor, TransferFlags flags, out nint result)
    {
        StreamCore core = _endpoint!.Core;
        bool isPeek = (flags & TransferFlags.Peek) != 0;
        if (isPeek)
        {
            Peek(ref cursor, core);
        }
        else
        {
            do
            {
                while (!cursor.IsAtEnd && core.Receive(cursor.Piece) is > 0 and int taken)
                {
                    cursor.Advance(taken);
                }

                _endpoint.Flush();
            }
            while (!cursor.IsAtEnd && (cursor.Done == 0 || (flags & TransferFlags.WaitForAll) != 0) && Advance());
        }

        result = cursor.Done;
        if (cursor.IsAtEnd || (result != 0 && (isPeek || (flags & TransferFlags.WaitForAll) == 0)))
        {
            return true;
        }

        if (core.CanReceive && core.AvailableBytes == 0)
        {
            int error = result != 0 ? 0 : TakeError();
            result = error != 0 ? -error : result;
            return true;
        }

        return false;
    }

    // One buffer: what lies beyond it in the ring cannot be looked at without taking what is before.
    private void Peek(ref IoCursor cursor, StreamCore core)
    {
        if (core.AvailableBytes == 0)
        {
            _ = Advance();
        }

        if (!cursor.IsAtEnd)
        {
            cursor.Advance(core.Receive(cursor.Piece, isPeek: true));
        }
    }

    private bool TrySend(ref IoCursor cursor, out nint result)
    {
        StreamCore core = _endpoint!.Core;
        if (!_endpoint.MayPost)
        {
            _ = Advance();
        }

        do
        {
            while (!cursor.IsAtEnd && _endpoint.MayPost && core.Send(cursor.Piece) is > 0 and int taken)
            {
                cursor.Advance(taken);
            }

            _endpoint.Flush();
        }
        while (!cursor.IsAtEnd && core.IsWritable && Advance());

        result = cursor.Done;
        if (!cursor.IsAtEnd && result == 0 && !core.IsWritable)
        {
            result = -SendError();
            return true;
        }

        return cursor.IsAtEnd || !core.IsWritable;
    }

    private bool TryWriteMapped(ref IoCursor cursor, ulong offset, out nint result)
    {
        StreamCore core = _endpoint!.Core;
        if (!_endpoint.MayPost)
        {
            _ = Advance();
        }

        do
        {
            while (!cursor.IsAtEnd && _endpoint.MayPost && core.WriteMapped(cursor.Piece, offset + (nuint)cursor.Done) is > 0 and int taken)
            {
                cursor.Advance(taken);
            }

            _endpoint.Flush();
        }
        while (!cursor.IsAtEnd && core.IsWritable && Advance());

        result = cursor.Done;
        if (result == 0 && !cursor.IsAtEnd && !core.IsWritable)
        {
            result = -SendError();
            return true;
        }

        return cursor.IsAtEnd || !core.IsWritable || (_endpoint.MayPost && !core.IsMapped(offset + (nuint)cursor.Done));
    }

    /// <summary>Why nothing can be sent: the connection broke, the peer has ended it, or this side has shut it down.</summary>
    private int SendError()
    {
        StreamCore core = _endpoint!.Core;
        return TakeError() is not 0 and int error ? error : core.IsDisconnected && !_hasShutDownSending ? Errno.ECONNRESET : Errno.EPIPE;
    }
}
