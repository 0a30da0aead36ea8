using System.Runtime.InteropServices;
using RoceEngine.Interop;
using RoceEngine.Libibverbs;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Librdmacm.Rsockets;

namespace RoceEngine.Librdmacm.Exports;

/// <summary>Sending and receiving on sockets of rsocket(7). Bytes, or -1 with errno. The datapath: no call allocates.</summary>
internal static unsafe class SocketTransfers
{
    private const int VectorsMax = 1024;

    /// <summary>rrecv.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rrecv")]
    public static nint Recv(int socket, byte* into, nuint bytes, int flags) => Receive(socket, into, bytes, flags);

    /// <summary>rrecvfrom: the sender is the peer, whose address a stream does not tell, as recvfrom(2) says.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rrecvfrom")]
    public static nint RecvFrom(int socket, byte* into, nuint bytes, int flags, byte* address, uint* addressBytes)
    {
        nint result = Receive(socket, into, bytes, flags);
        if (result >= 0 && address != null && addressBytes != null)
        {
            *addressBytes = 0;
        }

        return result;
    }

    /// <summary>rrecvmsg.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rrecvmsg")]
    public static nint RecvMsg(int socket, MessageHeader* message, int flags)
    {
        if (message == null || message->VectorCount > VectorsMax)
        {
            return Failure.MinusOne(message == null ? Errno.EFAULT : Errno.EMSGSIZE);
        }

        nint result = Receive(socket, message->Vectors, (int)message->VectorCount, flags);
        if (result >= 0)
        {
            message->NameLength = 0;
            message->ControlLength = 0;
            message->Flags = 0;
        }

        return result;
    }

    /// <summary>rread.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rread")]
    public static nint Read(int socket, byte* into, nuint bytes) => Receive(socket, into, bytes, 0);

    /// <summary>rreadv.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rreadv")]
    public static nint ReadV(int socket, IoVector* vectors, int count) => Receive(socket, vectors, count, 0);

    /// <summary>rsend.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rsend")]
    public static nint Send(int socket, byte* from, nuint bytes, int flags) => SendBytes(socket, from, bytes, flags);

    /// <summary>rsendto: EISCONN with an address, since a stream has its peer.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rsendto")]
    public static nint SendTo(int socket, byte* from, nuint bytes, int flags, byte* address, uint addressBytes) =>
        address == null && addressBytes == 0 || SocketTable.Find(socket) is null
            ? SendBytes(socket, from, bytes, flags)
            : Failure.MinusOne(CmErrno.IsConnected);

    /// <summary>rsendmsg. Ancillary data has no way to the peer: EOPNOTSUPP.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rsendmsg")]
    public static nint SendMsg(int socket, MessageHeader* message, int flags) =>
        message == null ? Failure.MinusOne(Errno.EFAULT)
        : message->VectorCount > VectorsMax ? Failure.MinusOne(Errno.EMSGSIZE)
        : message->Control != null && message->ControlLength != 0 ? Failure.MinusOne(Errno.EOPNOTSUPP)
        : SendVectors(socket, message->Vectors, (int)message->VectorCount, flags);

    /// <summary>rwrite.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rwrite")]
    public static nint Write(int socket, byte* from, nuint bytes) => SendBytes(socket, from, bytes, 0);

    /// <summary>rwritev.</summary>
    [UnmanagedCallersOnly(EntryPoint = "rwritev")]
    public static nint WriteV(int socket, IoVector* vectors, int count) => SendVectors(socket, vectors, count, 0);

    /// <summary>riomap: the offset.</summary>
    [UnmanagedCallersOnly(EntryPoint = "riomap")]
    public static long Map(int socket, byte* address, nuint bytes, int rights, int flags, long offset)
    {
        try
        {
            return SocketTable.Find(socket) is { } found ? found.Map(address, bytes, rights, offset) : Failure.MinusOne(Errno.EBADF);
        }
        catch (Exception e)
        {
            return Failure.MinusOne(e);
        }
    }

    /// <summary>riowrite.</summary>
    [UnmanagedCallersOnly(EntryPoint = "riowrite")]
    public static nint IoWrite(int socket, byte* from, nuint bytes, long offset, int flags)
    {
        try
        {
            return SocketTable.Find(socket) is { } found
                ? ToResult(found.WriteMapped(from, bytes, (ulong)offset, (TransferFlags)flags))
                : Failure.MinusOne(Errno.EBADF);
        }
        catch (Exception e)
        {
            return Failure.MinusOne(e);
        }
    }

    /// <summary>What a call of C returns for a negative error number: -1 with errno.</summary>
    public static int ToResult(int result) => result < 0 ? Failure.MinusOne(-result) : result;

    private static nint ToResult(nint result) => result < 0 ? Failure.MinusOne((int)-result) : result;

    private static nint Receive(int socket, byte* into, nuint bytes, int flags)
    {
        var vector = new IoVector { Base = into, Length = bytes };
        return Receive(socket, &vector, 1, flags);
    }

    private static nint Receive(int socket, IoVector* vectors, int count, int flags)
    {
        try
        {
            return SocketTable.Find(socket) is { } found ? ToResult(found.Receive(vectors, count, (TransferFlags)flags)) : Failure.MinusOne(Errno.EBADF);
        }
        catch (Exception e)
        {
            return Failure.MinusOne(e);
        }
    }

    private static nint SendBytes(int socket, byte* from, nuint bytes, int flags)
    {
        var vector = new IoVector { Base = from, Length = bytes };
        return SendVectors(socket, &vector, 1, flags);
    }

    private static nint SendVectors(int socket, IoVector* vectors, int count, int flags)
    {
        try
        {
            return SocketTable.Find(socket) is { } found ? ToResult(found.Send(vectors, count, (TransferFlags)flags)) : Failure.MinusOne(Errno.EBADF);
        }
        catch (Exception e)
        {
            return Failure.MinusOne(e);
        }
    }
}
