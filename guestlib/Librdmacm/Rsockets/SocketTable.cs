namespace RoceEngine.Librdmacm.Rsockets;

/// <summary>The sockets of the process by their descriptors. Looking up takes no lock.</summary>
internal static class SocketTable
{
    private static readonly Lock s_lock = new();
    private static volatile StreamSocket?[] s_sockets = new StreamSocket?[64];

    /// <summary>The socket of a descriptor; null when it is none.</summary>
    public static StreamSocket? Find(int descriptor)
    {
        StreamSocket?[] sockets = s_sockets;
        return (uint)descriptor < (uint)sockets.Length ? Volatile.Read(ref sockets[descriptor]) : null;
    }

    public static void Add(StreamSocket socket)
    {
        lock (s_lock)
        {
            StreamSocket?[] sockets = s_sockets;
            if (socket.Descriptor >= sockets.Length)
            {
                Array.Resize(ref sockets, Math.Max(2 * sockets.Length, socket.Descriptor + 1));
                s_sockets = sockets;
            }

            Volatile.Write(ref sockets[socket.Descriptor], socket);
        }
    }

    /// <summary>Takes a socket out; false when another thread did.</summary>
    public static bool TryRemove(StreamSocket socket)
    {
        lock (s_lock)
        {
            if (Find(socket.Descriptor) != socket)
            {
                return false;
            }

            s_sockets[socket.Descriptor] = null;
            return true;
        }
    }
}
