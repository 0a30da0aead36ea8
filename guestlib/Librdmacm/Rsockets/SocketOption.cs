namespace RoceEngine.Librdmacm.Rsockets;

/// <summary>Options of sockets: level (24) | name (8). socket(7), ip(7), tcp(7), ipv6(7), rsocket(7).</summary>
internal enum SocketOption
{
    Unknown = -1,

    /// <summary>IP_TOS.</summary>
    TypeOfService = 1,

    ReuseAddress = OfSocket | 2,
    Type = OfSocket | 3,
    Error = OfSocket | 4,
    SendBuffer = OfSocket | 7,
    ReceiveBuffer = OfSocket | 8,
    KeepAlive = OfSocket | 9,
    OutOfBandInline = OfSocket | 10,
    Linger = OfSocket | 13,
    IsListening = OfSocket | 30,
    Protocol = OfSocket | 38,
    Domain = OfSocket | 39,

    NoDelay = OfTcp | 1,
    SegmentBytes = OfTcp | 2,
    KeepAliveIdle = OfTcp | 4,
    KeepAliveInterval = OfTcp | 5,
    KeepAliveCount = OfTcp | 6,

    OnlyIPv6 = OfIPv6 | 26,

    SendDepth = OfRdma | 0,
    ReceiveDepth = OfRdma | 1,
    InlineBytes = OfRdma | 2,
    MappingCount = OfRdma | 3,
    Route = OfRdma | 4,

    OfSocket = 1 << 8,
    OfTcp = 6 << 8,
    OfIPv6 = 41 << 8,

    /// <summary>SOL_RDMA.</summary>
    OfRdma = 0x10000 << 8,
}
