namespace RoceEngine.Librdmacm.Abi;

/// <summary><c>enum rdma_cm_event_type</c>.</summary>
internal enum RdmaEventType
{
    AddressResolved,
    AddressError,
    RouteResolved,
    RouteError,
    ConnectRequest,
    ConnectResponse,
    ConnectError,
    Unreachable,
    Rejected,
    Established,
    Disconnected,
    DeviceRemoval,
    MulticastJoin,
    MulticastError,
    AddressChange,
    TimeWaitExit,
}

/// <summary><c>enum rdma_port_space</c>.</summary>
internal enum PortSpace
{
    IpOverIb = 0x0002,
    Tcp = 0x0106,
    Udp = 0x0111,
    Ib = 0x013F,
}

/// <summary>Error numbers that this library tells beside those of the verbs.</summary>
internal static class CmErrno
{
    public const int NotImplemented = 38;
    public const int NoData = 61;
    public const int Protocol = 71;
    public const int NoSuchProtocol = 93;
    public const int NoBuffers = 105;
    public const int IsConnected = 106;
    public const int NotConnected = 107;
    public const int TimedOut = 110;
    public const int Already = 114;
    public const int InProgress = 115;
}
