using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using RoceEngine.ConnectionManager.Messages;
using RoceEngine.Libibverbs;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Verbs;
using Errno = RoceEngine.Interop.Errno;

namespace RoceEngine.Librdmacm.Objects;

using Addresses = RoceEngine.Libibverbs.Addresses;

/// <content>Addresses, ports and routes.</content>
internal sealed unsafe partial class CmId
{
    // 4.096 µs · 2^16, about what an Ethernet of some switches needs; QPs wait for twice as long.
    private const byte PacketLifeTimeCode = 16;
    private const byte AtLeastExactly = 2;

    private IPAddress _localAddress = IPAddress.Any;
    private IPAddress? _peer;
    private ushort _localPort;
    private ushort _peerPort;
    private bool _ownsPort;
    private bool _mayShare;
    private byte _trafficClass;
    private byte? _ackTimeoutCode;

    public ushort LocalPort => _localPort;

    public ushort PeerPort => _peerPort;

    /// <summary>What it is bound to; 0.0.0.0 or :: while that is open.</summary>
    public IPAddress LocalAddress => _localAddress;

    /// <summary>The peer's address; null while there is none.</summary>
    public IPAddress? PeerAddress => _peer;

    /// <summary>The path's MTU, as far as it is known.</summary>
    public int PathMtuBytes =>
        _connection is { } connection ? MtuCode.ToBytes(connection.Request.PathMtuCode) : CmDevice.Open().Port.ActiveMtuBytes;

    /// <summary><c>rdma_bind_addr(3)</c>. The address of the machine itself (127.0.0.1, ::1) stands for that of the device, of which it takes the place.</summary>
    /// <exception cref="VerbsException">EINVAL: bound already. ENODEV: the address is not the device's. EADDRINUSE.</exception>
    public void Bind(IPEndPoint address)
    {
        if (State != CmIdState.Idle)
        {
            throw Wrong("rdma_bind_addr", State);
        }

        if (!SocketAddress.IsAny(address.Address))
        {
            UseDevice(IPAddress.Loopback.Equals(address.Address) || IPAddress.IPv6Loopback.Equals(address.Address) ? null : address.Address);
        }

        TakePort((ushort)address.Port);
        SetLocal(_device?.Address ?? address.Address);
        State = CmIdState.Bound;
    }

    /// <summary><c>rdma_resolve_addr(3)</c>: the event tells whether there is a way.</summary>
    /// <exception cref="VerbsException">EINVAL: wrong state. ENODEV: there is no such device.</exception>
    public void ResolveAddress(IPEndPoint? source, IPEndPoint destination)
    {
        if (State is not (CmIdState.Idle or CmIdState.Bound))
        {
            throw Wrong("rdma_resolve_addr", State);
        }

        if (State == CmIdState.Idle)
        {
            UseDevice(source is null || SocketAddress.IsAny(source.Address) ? null : source.Address);
            TakePort((ushort)(source?.Port ?? 0));
            State = CmIdState.Bound;
        }

        CmDevice device = _device ?? UseDevice(null);
        SetLocal(device.Address);
        IPAddress peer = SocketAddress.IsAny(destination.Address) ? device.Address : destination.Address;
        SetPeer(peer, (ushort)destination.Port);
        if (peer.AddressFamily != device.Address.AddressFamily)
        {
            Tell(RdmaEventType.AddressError, -Errno.ENETUNREACH);
            return;
        }

        State = CmIdState.AddressResolved;
        Tell(RdmaEventType.AddressResolved);
    }

    /// <summary><c>rdma_resolve_route(3)</c>: packets are left to the kernel's routing, so there always is one.</summary>
    public void ResolveRoute()
    {
        if (State != CmIdState.AddressResolved)
        {
            throw Wrong("rdma_resolve_route", State);
        }

        WriteRoute();
        State = CmIdState.RouteResolved;
        Tell(RdmaEventType.RouteResolved);
    }

    /// <summary><c>rdma_set_option(3)</c>.</summary>
    /// <exception cref="VerbsException">EINVAL: a wrong size. ENOSYS: an unknown option.</exception>
    public void SetOption(int level, int name, ReadOnlySpan<byte> value)
    {
        const int ofId = 0;
        const int typeOfService = 0;
        const int reuseAddress = 1;
        const int familyOnly = 2;
        const int ackTimeout = 3;
        const int ofPath = 1;
        switch (level, name)
        {
            case (ofId, typeOfService or ackTimeout) when value.Length != 1:
            case (ofId, reuseAddress or familyOnly) when value.Length != sizeof(int):
                throw new VerbsException(Errno.EINVAL, $"rdma_set_option: {value.Length} bytes for option {name}");
            case (ofId, typeOfService):
                _trafficClass = value[0];
                break;
            case (ofId, reuseAddress):
                _mayShare = MemoryMarshal.Read<int>(value) != 0;
                break;
            case (ofId, familyOnly):
                break;
            case (ofId, ackTimeout):
                _ackTimeoutCode = (byte)Math.Min(value[0], (byte)31);
                break;
            case (ofPath, 1):
                // The path of a RoCE device follows from its addresses.
                break;
            default:
                throw new VerbsException(CmErrno.NotImplemented, $"rdma_set_option: option {level}.{name}");
        }
    }

    private CmDevice UseDevice(IPAddress? address)
    {
        CmDevice device = CmDevice.Open();
        if (address is not null && !address.Equals(device.Address))
        {
            throw new VerbsException(Verbs.Errno.NoDevice, $"{address} is no device's address here; the device has {device.Address}");
        }

        _device = device;
        Pointer->Verbs = device.Context;
        Pointer->PortNum = 1;
        return device;
    }

    private void TakePort(ushort port)
    {
        _localPort = CmDevice.Ports.Take(Space, port, _mayShare);
        _ownsPort = true;
    }

    private void ReleasePort()
    {
        if (_ownsPort)
        {
            CmDevice.Ports.Release(Space, _localPort);
            _ownsPort = false;
        }
    }

    private void SetLocal(IPAddress address)
    {
        _localAddress = address;
        _ = SocketAddress.Write((byte*)&Pointer->Route.Addr.SrcAddr, address, _localPort);
        if (_device is not null)
        {
            Pointer->Route.Addr.Addr.Sgid = Addresses.ToGid(_device.Address);
            Pointer->Route.Addr.Addr.Pkey = 0xFFFF;
        }
    }

    private void SetPeer(IPAddress address, ushort port)
    {
        _peer = address;
        _peerPort = port;
        _ = SocketAddress.Write((byte*)&Pointer->Route.Addr.DstAddr, address, port);
        Pointer->Route.Addr.Addr.Dgid = Addresses.ToGid(address);
    }

    private void WriteRoute()
    {
        if (Pointer->Route.PathRec == null)
        {
            Pointer->Route.PathRec = (IbvSaPathRec*)NativeMemory.AllocZeroed((nuint)sizeof(IbvSaPathRec));
        }

        Pointer->Route.NumPaths = 1;
        *Pointer->Route.PathRec = new IbvSaPathRec
        {
            Dgid = Pointer->Route.Addr.Addr.Dgid,
            Sgid = Pointer->Route.Addr.Addr.Sgid,
            HopLimit = Addresses.DefaultHopLimit,
            TrafficClass = _trafficClass,
            Reversible = 1,
            NumbPath = 1,
            Pkey = 0xFFFF,
            MtuSelector = AtLeastExactly,
            Mtu = (byte)MtuCode.Of(Device.Port.ActiveMtuBytes),
            PacketLifeTime = PacketLifeTimeCode,
        };
    }

    private byte AckTimeoutCode => _ackTimeoutCode ?? PacketLifeTimeCode + 1;

    private ulong ServiceOf(ushort port) => ServiceId.Of((ushort)Space, port);
}
