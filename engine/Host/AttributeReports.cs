using System.Buffers.Binary;
using RoceEngine.Abi;
using RoceEngine.Channel;

namespace RoceEngine.Host;

/// <summary>A device's attributes under the names of <c>struct ibv_device_attr</c> and of ibv_devinfo(1).</summary>
internal static class AttributeReports
{
    /// <summary><c>enum ibv_atomic_cap</c>: atomic with respect to other QPs of the device.</summary>
    private const int AtomicHca = 1;

    public static IReadOnlyList<CounterValue> Of(in PvrdmaDeviceCaps caps) =>
    [
        new("fw_ver", (long)caps.FirmwareVersion),
        new("node_guid", (long)BinaryPrimitives.ReverseEndianness(caps.NodeGuid)),
        new("sys_image_guid", (long)BinaryPrimitives.ReverseEndianness(caps.SystemImageGuid)),
        new("vendor_id", caps.VendorId),
        new("vendor_part_id", caps.VendorPartId),
        new("hw_ver", caps.HardwareVersion),
        new("phys_port_cnt", caps.PortCount),
        new("max_mr_size", (long)caps.MaxMrBytes),
        new("page_size_cap", (long)caps.PageSizes),
        new("max_qp", caps.MaxQp),
        new("max_qp_wr", caps.MaxQpWr),
        new("device_cap_flags", caps.DeviceFlags),
        new("max_sge", caps.MaxSge),
        new("max_sge_rd", caps.MaxSgeRead),
        new("max_cq", caps.MaxCq),
        new("max_cqe", caps.MaxCqe),
        new("max_mr", caps.MaxMr),
        new("max_pd", caps.MaxPd),
        new("max_qp_rd_atom", caps.MaxQpRdAtomic),
        new("max_res_rd_atom", caps.MaxResponderRdAtomic),
        new("max_qp_init_rd_atom", caps.MaxQpInitiatorRdAtomic),
        new("atomic_cap", caps.AtomicOperations == 0 ? 0 : AtomicHca),
        new("max_mw", caps.MaxMw),
        new("max_mcast_grp", caps.MaxMulticastGroups),
        new("max_mcast_qp_attach", caps.MaxMulticastQpAttach),
        new("max_total_mcast_qp_attach", caps.MaxTotalMulticastQpAttach),
        new("max_ah", caps.MaxAh),
        new("max_srq", caps.MaxSrq),
        new("max_srq_wr", caps.MaxSrqWr),
        new("max_srq_sge", caps.MaxSrqSge),
        new("max_pkeys", caps.MaxPkeys),
        new("local_ca_ack_delay", caps.LocalAckDelay),
    ];

    public static IReadOnlyList<CounterValue> Of(in PvrdmaPortAttributes port) =>
    [
        new("state", port.State),
        new("max_mtu", port.MaxMtu),
        new("active_mtu", port.ActiveMtu),
        new("sm_lid", port.SubnetManagerLid),
        new("port_lid", port.Lid),
        new("port_lmc", port.LidMaskControl),
        new("max_msg_sz", port.MaxMessageBytes),
        new("port_cap_flags", port.CapabilityFlags),
        new("max_vl_num", port.MaxVirtualLanes),
        new("bad_pkey_cntr", port.BadPkeyCount),
        new("qkey_viol_cntr", port.QkeyViolationCount),
        new("gid_tbl_len", port.GidTableLength),
        new("pkey_tbl_len", port.PkeyTableLength),
        new("active_width", port.ActiveWidth),
        new("active_speed", port.ActiveSpeed),
        new("phys_state", port.PhysicalState),
    ];
}
