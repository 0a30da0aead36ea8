using RoceEngine.Channel;
using RoceEngine.Device;
using RoceEngine.Links;
using RoceEngine.Protocol;
using RoceEngine.Wire;
using DeviceReport = RoceEngine.Channel.DeviceReport;
using TransportService = RoceEngine.Protocol.TransportService;

namespace RoceEngine.Host;

/// <summary>Makes what tools show out of a device. On the worker's thread, which owns all that is looked at.</summary>
internal static class DeviceReports
{
    /// <summary>Fills in the reports of those guests that this worker serves.</summary>
    public static void Describe(Worker worker, AttachedGuest[] guests, DeviceReport?[] into)
    {
        for (int i = 0; i < guests.Length; i++)
        {
            if (guests[i].Worker == worker && !guests[i].IsDetaching)
                into[i] = Describe(guests[i]);
        }
    }

    /// <summary>One device.</summary>
    public static DeviceReport Describe(AttachedGuest guest)
    {
        VrdmaDevice device = guest.Slot.Device;
        var summary = new DeviceSummary
        {
            Name = guest.Name,
            Address = guest.Address.ToString(),
            State = device.IsFatal || guest.Slot.IsExpelled ? "fatal" : "running",
            GuestRamBytes = guest.Slot.Memory.GuestRamBytes,
            ProcessId = guest.ProcessId,
            UserId = guest.UserId,
            Worker = guest.Worker.Index,
            QueuePairs = device.QueuePairCount,
            CompletionQueues = device.CompletionQueueCount,
            MemoryRegions = device.MemoryRegionCount,
            MemoryWindows = device.MemoryWindowCount,
            SharedReceiveQueues = device.SharedReceiveQueueCount,
            MulticastGroups = device.MulticastGroupCount,
            UptimeMs = Environment.TickCount64 - guest.AttachedAtMs,
        };
        return new DeviceReport
        {
            Device = summary,
            Counters = [.. DeviceCounters(device.Statistics), .. guest.Slot.Link is UdpLink link ? LinkCounters(link) : []],
            QueuePairs = [.. device.ListQueuePairs().Select(Describe)],
            DeviceAttributes = AttributeReports.Of(device.Capabilities),
            PortAttributes = AttributeReports.Of(device.PortAttributes),
        };
    }

    private static QueuePairReport Describe(QueuePairSnapshot queuePair) => new()
    {
        Number = queuePair.Qpn,
        Type = queuePair.Service switch
        {
            TransportService.ReliableConnection => "RC",
            TransportService.UnreliableConnection => "UC",
            _ => "UD",
        },
        State = queuePair.Attributes.State switch
        {
            QueuePairState.Reset => "RESET",
            QueuePairState.Init => "INIT",
            QueuePairState.ReadyToReceive => "RTR",
            QueuePairState.ReadyToSend => "RTS",
            QueuePairState.SendQueueDrained => "SQD",
            QueuePairState.SendQueueError => "SQE",
            _ => "ERR",
        },
        PathMtuBytes = queuePair.Attributes.PathMtuBytes,
        DestinationNumber = queuePair.Attributes.DestinationQpn,
        Destination = queuePair.Attributes.DestinationGid.ToString(),
    };

    private static IEnumerable<CounterValue> DeviceCounters(DeviceStatistics statistics)
    {
        var counters = new List<CounterValue>
        {
            new("tx_packets", (long)statistics.TransmittedPackets),
            new("tx_bytes", (long)statistics.TransmittedBytes),
            new("rx_packets", (long)statistics.ReceivedPackets),
            new("rx_bytes", (long)statistics.ReceivedBytes),
            new("rx_unknown_qpn", (long)statistics.UnknownQpnPackets),
            new("rx_unknown_group", (long)statistics.UnknownGroupPackets),
            new("send_requests", (long)statistics.SendsFetched),
            new("receive_requests", (long)statistics.ReceivesFetched),
            new("completions", (long)statistics.Completions),
            new("completions_dropped", (long)statistics.CompletionsDropped),
            new("notifications", (long)statistics.Notifications),
            new("async_events", (long)statistics.AsyncEvents),
            new("commands", (long)statistics.Commands),
            new("commands_refused", (long)statistics.CommandsRefused),
            new("send_doorbells", (long)statistics.SendDoorbells),
            new("receive_doorbells", (long)statistics.ReceiveDoorbells),
            new("timeouts", (long)statistics.Timeouts),
        };
        for (int status = 1; status < CompletionStatusCounts.Length; status++)
        {
            if (statistics.ByStatus[status] > 0)
                counters.Add(new($"completion_{SnakeCase(((CompletionStatus)status).ToString())}", (long)statistics.ByStatus[status]));
        }
        for (int fault = 0; fault < GuestFaultCounts.Length; fault++)
        {
            if (statistics.ByFault[fault] > 0)
                counters.Add(new($"guest_fault_{SnakeCase(((GuestFault)fault).ToString())}", (long)statistics.ByFault[fault]));
        }
        return counters;
    }

    private static IEnumerable<CounterValue> LinkCounters(UdpLink link)
    {
        UdpLinkStatistics statistics = link.Statistics;
        var counters = new List<CounterValue>
        {
            new("udp_tx_datagrams", statistics.DatagramsSent),
            new("udp_tx_bytes", statistics.BytesSent),
            new("udp_tx_messages", statistics.MessagesSent),
            new("udp_tx_calls", statistics.SendCalls),
            new("udp_tx_dropped", statistics.DroppedTotal),
            new("udp_rx_datagrams", statistics.DatagramsReceived),
            new("udp_rx_bytes", statistics.BytesReceived),
            new("udp_rx_messages", statistics.MessagesReceived),
            new("udp_rx_calls", statistics.ReceiveCalls),
            new("udp_rx_calls_in_vain", statistics.ReceiveCallsInVain),
            new("udp_rx_buffer_drops", statistics.ReceiveBufferDrops),
            new("udp_rx_malformed", statistics.MalformedTotal),
        };
        foreach (MalformedReason reason in Enum.GetValues<MalformedReason>())
        {
            if (statistics.Malformed(reason) > 0)
                counters.Add(new($"udp_rx_malformed_{SnakeCase(reason.ToString())}", statistics.Malformed(reason)));
        }
        return counters;
    }

    private static string SnakeCase(string name) =>
        string.Concat(name.Select((character, index) =>
            char.IsUpper(character) && index > 0 ? $"_{char.ToLowerInvariant(character)}" : char.ToLowerInvariant(character).ToString()));
}
