using System.Runtime.InteropServices;

namespace RoceEngine.Libibverbs.Exports;

/// <summary>Names of numbers, and rates.</summary>
internal static unsafe class TextExports
{
    /// <summary><c>ibv_wc_status_str(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_wc_status_str")]
    public static byte* WcStatusStr(int status) => NativeText.Of(status switch
    {
        0 => "success\0"u8,
        1 => "local length error\0"u8,
        2 => "local QP operation error\0"u8,
        3 => "local EE context operation error\0"u8,
        4 => "local protection error\0"u8,
        5 => "work request flushed\0"u8,
        6 => "memory window bind error\0"u8,
        7 => "bad response\0"u8,
        8 => "local access error\0"u8,
        9 => "remote invalid request\0"u8,
        10 => "remote access error\0"u8,
        11 => "remote operation error\0"u8,
        12 => "transport retries exceeded\0"u8,
        13 => "RNR retries exceeded\0"u8,
        14 => "local RDD violation\0"u8,
        15 => "remote invalid RD request\0"u8,
        16 => "remote aborted\0"u8,
        17 => "invalid EE context number\0"u8,
        18 => "invalid EE context state\0"u8,
        19 => "fatal error\0"u8,
        20 => "response timeout\0"u8,
        21 => "general error\0"u8,
        _ => "unknown status\0"u8,
    });

    /// <summary><c>ibv_event_type_str(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_event_type_str")]
    public static byte* EventTypeStr(int type) => NativeText.Of(type switch
    {
        0 => "CQ error\0"u8,
        1 => "QP fatal error\0"u8,
        2 => "QP request error\0"u8,
        3 => "QP access error\0"u8,
        4 => "communication established\0"u8,
        5 => "send queue drained\0"u8,
        6 => "path migrated\0"u8,
        7 => "path migration error\0"u8,
        8 => "device fatal error\0"u8,
        9 => "port active\0"u8,
        10 => "port error\0"u8,
        11 => "LID change\0"u8,
        12 => "P_Key change\0"u8,
        13 => "SM change\0"u8,
        14 => "SRQ error\0"u8,
        15 => "SRQ limit reached\0"u8,
        16 => "last WQE reached\0"u8,
        17 => "client reregistration\0"u8,
        18 => "GID change\0"u8,
        19 => "WQ fatal error\0"u8,
        _ => "unknown event\0"u8,
    });

    /// <summary>The kind of a node. <c>ibv_node_type_str(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_node_type_str")]
    public static byte* NodeTypeStr(int type) => NativeText.Of(type switch
    {
        1 => "InfiniBand channel adapter\0"u8,
        2 => "InfiniBand switch\0"u8,
        3 => "InfiniBand router\0"u8,
        4 => "iWARP NIC\0"u8,
        _ => "unknown\0"u8,
    });

    /// <summary><c>ibv_port_state_str(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_port_state_str")]
    public static byte* PortStateStr(int state) => NativeText.Of(state switch
    {
        0 => "no state change (NOP)\0"u8,
        1 => "DOWN\0"u8,
        2 => "INIT\0"u8,
        3 => "ARMED\0"u8,
        4 => "ACTIVE\0"u8,
        5 => "ACTIVE_DEFER\0"u8,
        _ => "invalid state\0"u8,
    });

    /// <summary><c>ibv_rate_to_mult(3)</c>: multiples of 2.5 Gbit/s, or -1.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_rate_to_mult")]
    public static int RateToMult(int rate) => Rates.ToMultiple(rate);

    /// <summary><c>mult_to_ibv_rate(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "mult_to_ibv_rate")]
    public static int MultToRate(int multiple) => Rates.FromMultiple(multiple);

    /// <summary><c>ibv_rate_to_mbps(3)</c>: Mbit/s, or -1.</summary>
    [UnmanagedCallersOnly(EntryPoint = "ibv_rate_to_mbps")]
    public static int RateToMbps(int rate) => Rates.ToMbps(rate);

    /// <summary><c>mbps_to_ibv_rate(3)</c>.</summary>
    [UnmanagedCallersOnly(EntryPoint = "mbps_to_ibv_rate")]
    public static int MbpsToRate(int mbps) => Rates.FromMbps(mbps);
}
