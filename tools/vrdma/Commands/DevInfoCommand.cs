using System.CommandLine;
using System.Globalization;
using RoceEngine.Channel;

namespace RoceEngine.Vrdma.Commands;

/// <summary><c>vrdma devinfo</c>: what the attached devices are and can hold, in the manner of ibv_devinfo(1).</summary>
internal static class DevInfoCommand
{
    /// <summary>Attributes of the short form, below the device and below its port.</summary>
    private static readonly string[] ShortDevice = ["fw_ver", "node_guid", "sys_image_guid", "vendor_id", "vendor_part_id", "hw_ver", "phys_port_cnt"];

    private static readonly string[] ShortPort = ["state", "max_mtu", "active_mtu", "sm_lid", "port_lid", "port_lmc"];

    public static Command Create()
    {
        Argument<string?> device = CommonOptions.Device("Name or address of a device; all when it is not given.");
        Option<bool> verbose = new("--verbose", "-v") { Description = "Print every attribute, and the GID." };
        Option<string?> socket = CommonOptions.Socket();
        Command command = new("devinfo", "Shows what the attached devices are, as ibv_devinfo does.") { device, verbose, socket };
        command.SetAction(parsed => Run(parsed.GetValue(socket), parsed.GetValue(device), parsed.GetValue(verbose)));
        return command;
    }

    private static int Run(string? socketPath, string? device, bool isVerbose)
    {
        IReadOnlyList<DeviceReport> reports = DaemonAccess.GetReports(socketPath, device);
        if (reports.Count == 0)
            Console.Out.WriteLine("no devices are attached to the daemon");
        foreach (DeviceReport report in reports)
            Write(report, isVerbose);
        return ExitCode.Success;
    }

    private static void Write(DeviceReport report, bool isVerbose)
    {
        Line(0, "hca_id:", report.Device.Name);
        Line(1, "transport:", "InfiniBand (0)");
        foreach (CounterValue attribute in Chosen(report.DeviceAttributes, ShortDevice, isVerbose))
            Line(1, attribute.Name + ":", DeviceValue(attribute));
        Line(2, "port:", "1");
        foreach (CounterValue attribute in Chosen(report.PortAttributes, ShortPort, isVerbose))
            Line(3, attribute.Name + ":", PortValue(attribute));
        Line(3, "link_layer:", "Ethernet");
        if (isVerbose)
            Line(3, "GID[  0]:", $"{GidText(report.Device.Address)}, RoCE v2");
        Console.Out.WriteLine();
    }

    private static IEnumerable<CounterValue> Chosen(IReadOnlyList<CounterValue> attributes, string[] shortForm, bool isVerbose) =>
        isVerbose ? attributes : attributes.Where(attribute => shortForm.Contains(attribute.Name));

    /// <summary>Depth 0 is the device, 1 its attributes, 2 its port, 3 the port's attributes; values of attributes stand in a column.</summary>
    private static void Line(int depth, string name, string value)
    {
        const int tabColumns = 8;
        int valueColumn = (depth < 3 ? 5 : 6) * tabColumns;
        int missingColumns = valueColumn - (depth * tabColumns) - name.Length;
        int tabs = depth is 0 or 2 ? 1 : Math.Max(1, (missingColumns + tabColumns - 1) / tabColumns);
        Console.Out.WriteLine(new string('\t', depth) + name + new string('\t', tabs) + value);
    }

    private static string DeviceValue(CounterValue attribute) => attribute.Name switch
    {
        "fw_ver" => string.Create(
            CultureInfo.InvariantCulture,
            $"{attribute.Value >> 32}.{(attribute.Value >> 16) & 0xFFFF}.{attribute.Value & 0xFFFF}"),
        "node_guid" or "sys_image_guid" => GroupedHex(unchecked((ulong)attribute.Value)),
        "vendor_id" => Hex(attribute.Value, 4),
        "hw_ver" or "page_size_cap" or "device_cap_flags" or "max_mr_size" => Hex(attribute.Value, 1),
        "atomic_cap" => Named(attribute.Value, "ATOMIC_NONE", "ATOMIC_HCA", "ATOMIC_GLOB"),
        _ => attribute.Value.ToString(CultureInfo.InvariantCulture),
    };

    private static string PortValue(CounterValue attribute) => attribute.Name switch
    {
        "state" => Named(attribute.Value, "PORT_NOP", "PORT_DOWN", "PORT_INIT", "PORT_ARMED", "PORT_ACTIVE", "PORT_ACTIVE_DEFER"),
        "max_mtu" or "active_mtu" => string.Create(CultureInfo.InvariantCulture, $"{128 << (int)attribute.Value} ({attribute.Value})"),
        "port_lmc" => Hex(attribute.Value, 2),
        "port_cap_flags" or "max_msg_sz" => Hex(attribute.Value, 1),
        "active_width" => attribute.Value switch
        {
            1 => "1X (1)",
            2 => "4X (2)",
            4 => "8X (4)",
            8 => "12X (8)",
            _ => string.Create(CultureInfo.InvariantCulture, $"({attribute.Value})"),
        },
        "phys_state" => attribute.Value == 5 ? "LINK_UP (5)" : string.Create(CultureInfo.InvariantCulture, $"({attribute.Value})"),
        _ => attribute.Value.ToString(CultureInfo.InvariantCulture),
    };

    private static string Named(long value, params string[] names) => string.Create(
        CultureInfo.InvariantCulture, $"{(value >= 0 && value < names.Length ? names[value] : "invalid")} ({value})");

    private static string Hex(long value, int digits) => "0x" + unchecked((ulong)value).ToString("x" + digits.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static string GroupedHex(ulong value) => string.Create(
        CultureInfo.InvariantCulture, $"{value >> 48:x4}:{(value >> 32) & 0xFFFF:x4}:{(value >> 16) & 0xFFFF:x4}:{value & 0xFFFF:x4}");

    private static string GidText(string address)
    {
        System.Net.IPAddress parsed = System.Net.IPAddress.Parse(address);
        return parsed.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? $"::ffff:{parsed}" : parsed.ToString();
    }
}
