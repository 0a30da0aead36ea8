using System.Net;
using RoceEngine.PerfTool.Exchange;
using RoceEngine.PerfTool.Options;

namespace RoceEngine.PerfTool.Report;

/// <summary>What a report says about the device, beside the options.</summary>
/// <param name="DeviceName">The device's name.</param>
/// <param name="MtuBytes">Path MTU.</param>
/// <param name="InlineBytes">Messages up to this many bytes go inline.</param>
/// <param name="OutstandingReads">READs and atomics outstanding.</param>
internal sealed record DeviceFacts(string DeviceName, int MtuBytes, int InlineBytes, int OutstandingReads);

/// <summary>perftest's lines before the columns: the test's parameters and the two sides' queue pairs.</summary>
internal static class Preamble
{
    /// <summary>The line that a server prints while nobody has connected.</summary>
    public static string Waiting { get; } =
        "\n************************************\n* Waiting for client to connect... *\n************************************\n";

    /// <summary>Title and parameters between two separators.</summary>
    public static IEnumerable<string> Parameters(PerfOptions options, DeviceFacts device, bool isClient)
    {
        yield return TextColumns.Separator;
        yield return "                    " + Title(options, ' ');
        if (options.UseEvents)
            yield return $" Test with events. Using {device.DeviceName}_comp0";
        yield return $" Dual-port       : OFF\t\tDevice         : {device.DeviceName}";
        yield return $" Number of qps   : {options.QueuePairs}\t\tTransport type : IB";
        yield return $" Connection type : {options.Connection}\t\tUsing SRQ      : {(options.UseSharedReceiveQueue ? "ON" : "OFF")}";
        yield return " PCIe relax order: Unsupported";
        yield return " ibv_wr* API     : OFF";
        if (isClient || options.Bidirectional)
            yield return $" TX depth        : {options.SendDepth}";
        if (options.PostList > 1)
            yield return $" Post List       : {options.PostList}";
        if (options.Test.UsesReceives && (!isClient || options.Bidirectional))
            yield return $" RX depth        : {options.ReceiveDepth}";
        if (options.Test.IsBandwidth)
            yield return $" CQ Moderation   : {options.CompletionModeration}";
        yield return $" Mtu             : {device.MtuBytes}[B]";
        yield return " Link type       : Ethernet";
        yield return $" GID index       : {options.GidIndex}";
        yield return options.Test.IsResponse
            ? $" Outstand reads  : {device.OutstandingReads}"
            : $" Max inline data : {device.InlineBytes}[B]";
        yield return " rdma_cm QPs\t : OFF";
        yield return " Data ex. method : Ethernet";
        yield return TextColumns.Separator;
    }

    /// <summary>One side's queue pair: numbers, keys and GID.</summary>
    public static IEnumerable<string> QueuePair(PerfTest test, string side, PeerQueuePair pair, IPAddress address, int outstandingReads)
    {
        string line = $" {side} address: LID {CFormat.Hexadecimal(0, 4)} QPN {CFormat.Hexadecimal(pair.Number, 6)} PSN {CFormat.Hexadecimal(pair.Psn, 6)}";
        if (test.Verb == PerfVerb.Read)
            line += $" OUT {CFormat.Hexadecimal((ulong)outstandingReads, 4)}";
        if (test.Verb is PerfVerb.Read or PerfVerb.Write)
            line += $" RKey {CFormat.Hexadecimal(pair.RemoteKey, 8)} VAddr {CFormat.Hexadecimal(pair.Address, 16)}";
        yield return line;

        byte[] gid = address.MapToIPv6().GetAddressBytes();
        yield return " GID: " + string.Join(':', gid.Select(part => part.ToString("00", System.Globalization.CultureInfo.InvariantCulture)));
    }

    /// <summary>The test's name in perftest's words, such as <c>RDMA_Write BW Test</c>.</summary>
    public static string Title(PerfOptions options, char separator)
    {
        List<string> words = [options.Test.Verb switch
        {
            PerfVerb.Send => "Send",
            PerfVerb.Write => "RDMA_Write",
            PerfVerb.Read => "RDMA_Read",
            _ => "Atomic",
        }];
        if (options.Test.Verb == PerfVerb.Atomic)
            words.Add(options.Atomic == AtomicKind.FetchAndAdd ? "FETCH_AND_ADD" : "CMP_AND_SWAP");
        if (options.Bidirectional)
            words.Add("Bidirectional");
        if (options.PostList > 1)
            words.AddRange(["Post", "List"]);
        words.Add(options.Test.IsLatency ? "Latency" : "BW");
        words.Add("Test");
        return string.Join(separator, words);
    }
}
