namespace RoceEngine.Interop;

/// <summary>Constants of netlink(7), rtnetlink(7) and netdevice(7).</summary>
public static class NetlinkConstants
{
    public const int AF_NETLINK = 16;
    public const int NETLINK_ROUTE = 0;

    public const int SOL_NETLINK = 270;

    /// <summary>An error answer does not repeat the request, only its header.</summary>
    public const int NETLINK_CAP_ACK = 10;

    /// <summary>An error answer may carry a sentence of the kernel's.</summary>
    public const int NETLINK_EXT_ACK = 11;

    public const ushort NLMSG_ERROR = 2;
    public const ushort NLMSG_DONE = 3;
    public const ushort NLMSGERR_ATTR_MSG = 1;

    public const ushort NLM_F_REQUEST = 0x1;
    public const ushort NLM_F_ACK = 0x4;

    /// <summary>What is listed changed meanwhile, so that the list may have gaps.</summary>
    public const ushort NLM_F_DUMP_INTR = 0x10;

    public const ushort NLM_F_ACK_TLVS = 0x200;
    public const ushort NLM_F_DUMP = 0x300;
    public const ushort NLM_F_EXCL = 0x200;
    public const ushort NLM_F_CREATE = 0x400;

    public const ushort RTM_NEWLINK = 16;
    public const ushort RTM_GETLINK = 18;
    public const ushort RTM_NEWADDR = 20;
    public const ushort RTM_DELADDR = 21;
    public const ushort RTM_GETADDR = 22;

    public const ushort IFA_ADDRESS = 1;
    public const ushort IFA_LOCAL = 2;
    public const ushort IFA_CACHEINFO = 6;

    /// <summary>No duplicate address detection: an IPv6 address can be used at once.</summary>
    public const byte IFA_F_NODAD = 0x2;

    public const ushort IFLA_ADDRESS = 1;
    public const ushort IFLA_IFNAME = 3;
    public const ushort IFLA_EXT_MASK = 29;
    public const uint RTEXT_FILTER_SKIP_STATS = 0x8;

    public const uint IFF_UP = 0x1;
    public const uint IFF_LOOPBACK = 0x8;

    public const ushort ARPHRD_ETHER = 1;
}
