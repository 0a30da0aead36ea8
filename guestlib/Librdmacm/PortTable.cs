using System.Security.Cryptography;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Verbs;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Librdmacm;

/// <summary>The ports of this process's address, for each port space. Safe for concurrent use.</summary>
internal sealed class PortTable
{
    private const int EphemeralFirst = 32_768;
    private const int EphemeralCount = 28_232;

    private readonly Lock _lock = new();
    private readonly Dictionary<(PortSpace Space, ushort Port), int> _users = [];

    /// <summary>Takes a port, or a free one for 0.</summary>
    /// <exception cref="VerbsException">EADDRINUSE: it is taken, and not by those who share; or none is free.</exception>
    public ushort Take(PortSpace space, ushort port, bool mayShare)
    {
        lock (_lock)
        {
            if (port == 0)
            {
                port = FindFree(space);
            }
            else if (_users.ContainsKey((space, port)) && !mayShare)
            {
                throw new VerbsException(Errno.EADDRINUSE, $"rdma_bind_addr: port {port} is in use");
            }

            _users[(space, port)] = _users.GetValueOrDefault((space, port)) + 1;
            return port;
        }
    }

    /// <summary>Gives it back.</summary>
    public void Release(PortSpace space, ushort port)
    {
        lock (_lock)
        {
            if (--_users[(space, port)] == 0)
            {
                _ = _users.Remove((space, port));
            }
        }
    }

    private ushort FindFree(PortSpace space)
    {
        int start = RandomNumberGenerator.GetInt32(EphemeralCount);
        for (int i = 0; i < EphemeralCount; i++)
        {
            ushort port = (ushort)(EphemeralFirst + ((start + i) % EphemeralCount));
            if (!_users.ContainsKey((space, port)))
            {
                return port;
            }
        }

        throw new VerbsException(Errno.EADDRINUSE, "rdma_bind_addr: no port is free");
    }
}
