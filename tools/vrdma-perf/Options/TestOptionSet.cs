using System.CommandLine;
using System.Net;

namespace RoceEngine.PerfTool.Options;

/// <summary>perftest's flags, and the few of our own, declared for one test.</summary>
internal sealed class TestOptionSet
{
    /// <summary>Messages at most (<c>-n</c>).</summary>
    private const long MaximumIterations = 1L << 32;

    public TestOptionSet(PerfTest test, Command command)
    {
        OptionFactory make = new(test, command);
        Host = new Argument<string?>("host") { Description = "The server to connect to; without it this side is the server", Arity = ArgumentArity.ZeroOrOne };
        command.Arguments.Add(Host);

        Size = make.Size("--size", ["-s"], $"Size of message to exchange (default {test.DefaultSizeBytes})", Availability.NotAtomics);
        All = make.Flag("--all", ["-a"], "Run sizes from 2 till 2^23", Availability.NotAtomics);
        Iterations = make.Number("--iters", ["-n"], "iters", 5, MaximumIterations, $"Number of exchanges (at least 5, default {test.DefaultIterations})");
        Duration = make.Real("--duration", ["-D"], "seconds", false, "Run for a period of seconds instead of a number of exchanges");
        Margin = make.Real("--margin", ["-f"], "seconds", true, "With -D: seconds at each end that are not measured (default 2, at most a quarter of -D)");
        SendDepth = make.Number("--tx-depth", ["-t"], "dep", 1, 15000, $"Size of tx queue (default {test.DefaultSendDepth})", Availability.BandwidthUnlessOne);
        ReceiveDepth = make.Number("--rx-depth", ["-r"], "dep", 1, 16384, $"Rx queue size (default {test.DefaultReceiveDepth})", Availability.Receives);
        QueuePairs = make.Number("--qp", ["-q"], "num of qp's", 1, 16384, "Num of qp's (default 1)", Availability.BandwidthUnlessOne);
        Moderation = make.Number("--cq-mod", ["-Q"], "num", 1, 1024, "Generate a CQE only after this many sends (default 100; 1 above 8192 bytes)", Availability.BandwidthUnlessOne);
        PostList = make.Number("--post_list", ["-l"], "list size", 1, 15000, "Post list of send WQEs of this size (instead of single post)", Availability.BandwidthUnlessOne);
        Bidirectional = make.Flag("--bidirectional", ["-b"], "Measure bidirectional bandwidth (default unidirectional)", Availability.Bandwidth);
        Mtu = make.Choice<int>("--mtu", ["-m"], "Path MTU in bytes (default port mtu)", [("256", 256), ("512", 512), ("1024", 1024), ("2048", 2048), ("4096", 4096)]);
        InlineSize = make.Number("--inline_size", ["-I"], "size", 0, 1024, "Max size of message to be sent in inline", Availability.Inline);
        NoPeak = make.Flag("--noPeak", ["-N"], "Cancel peak-bw calculation (default with peak up to iters=20000)", Availability.Bandwidth);
        Events = make.Flag("--events", ["-e"], "Sleep on CQ events (default poll)", Availability.Events);
        Vector = make.Number("--vector", ["-X"], "completion vector", 0, 2048, "Set completion vector used for events", Availability.Events);
        Outstanding = make.Number("--outs", ["-o"], "num", 1, 128, "Number of outstanding READs or atomics (default max of device)", Availability.Responses);
        Atomic = make.Choice(
            "--atomic_type", ["-A"], "Type of atomic operation (default FETCH_AND_ADD)",
            [("CMP_AND_SWAP", AtomicKind.CompareAndSwap), ("FETCH_AND_ADD", AtomicKind.FetchAndAdd)], Availability.Atomics);
        Connection = make.Text("--connection", ["-c"], "RC/UC/UD", "Connection type RC/UC/UD (default RC)");
        SharedReceives = make.Flag("--use-srq", [], "Use a Shared Receive Queue. --rx-depth controls max-wr size of the SRQ", Availability.SharedReceives);
        Device = make.Text("--ib-dev", ["-d"], "dev", "Use the device of this name or address");
        DevicePort = make.Number("--ib-port", ["-i"], "port", 1, 255, "Use this port of the device (default 1)");
        Port = make.Number("--port", ["-p"], "port", 1, 65535, "Listen on/connect to this TCP port (default 18515)");
        GidIndex = make.Number("--gid-index", ["-x"], "index", 0, 64, "GID index of the device (default 0)");
        Timeout = make.Number("--qp-timeout", ["-u"], "timeout", 0, 31, "QP timeout: 4.096 usec * 2^timeout (default 14, 0 is forever)");
        RetryCount = make.Number("--retry_count", [], "value", 0, 7, "Transport retries (default 7)");
        ServiceLevel = make.Number("--sl", ["-S"], "sl", 0, 15, "SL (default 0)");
        TypeOfService = make.Number("--tos", ["-T", "--tclass"], "tos value", 0, 255, "Traffic class of the packets (default 0)");
        ReportSorted = make.Flag("--report-histogram", ["-H", "--report-histogrm"], "Print out all results (default print summary only)", Availability.Latency);
        ReportUnsorted = make.Flag("--report-unsorted", ["-U"], "Print out unsorted results", Availability.Latency);
        ReportCycles = make.Flag("--report-cycles", ["-C"], "Report all results in CPU cycles (default microseconds)", Availability.Latency);
        LatencyGap = make.Number("--latency_gap", [], "usec", 0, 10_000_000, "Delay between posts", Availability.Latency);
        Gigabits = make.Flag("--report_gbits", [], "Report BW in Gbit/sec (instead of MiB/sec)", Availability.Bandwidth);
        ReportBoth = make.Flag("--report-both", [], "With -b: report the two sides' results separately too", Availability.Bandwidth);
        LimitBandwidth = make.Real("--limit_bw", ["-w"], "value", true, "Fail when the average BW is below this", Availability.Bandwidth);
        LimitMessageRate = make.Real("--limit_msgrate", ["-y"], "value", true, "Fail when the message rate (Mpps) is below this", Availability.Bandwidth);
        RegionPerQueuePair = make.Flag("--mr_per_qp", [], "Create a memory region for each qp", Availability.Bandwidth);
        WarmUp = make.Flag("--perform_warm_up", [], "Perform some iterations before measuring", Availability.WarmUp);
        CpuUtilization = make.Flag("--cpu_util", [], "Show CPU utilization in the report, valid only with -D");
        Output = make.Choice(
            "--output", [], "Print one number per size only",
            [("bandwidth", OutputLevel.Bandwidth), ("message_rate", OutputLevel.MessageRate), ("latency", OutputLevel.Latency)]);
        Json = make.Flag("--out_json", [], "Save the report in a JSON file");
        JsonFile = make.Text("--out_json_file", [], "file", "Name of the JSON file (default perftest_out.json in the working directory); implies --out_json");
        JsonOutput = make.Flag("--json", [], "Print the report as JSON instead of text");
        Verify = make.Flag("--verify", [], "Fill the buffers with a pattern and compare what arrived");
        Version = make.Flag("--version", ["-V"], "Display version number");

        Pair = make.Choice("--pair", [], "Run both ends here: two hosts over loopback UDP, or two guests of one host", [("udp", PairMode.Udp), ("local", PairMode.Local)]);
        Socket = make.Text("--socket", [], "path", "Socket of the daemon to attach to");
        Address = make.Address("--address", [], "Device address wanted of the daemon");
        Embedded = make.Address("--embedded", [], "Run a device with this address inside this process (no daemon)");
        MigrateEvery = make.Period("--migrate-every", "period", "Move the client's device to another daemon again and again, every 500ms, 1s or 2 (seconds). Without a host, both ends and daemons of their own are started here");
        MigrateTo = make.Text("--migrate-to", [], "host:port,host:port…", "With --migrate-every and a host: the daemons of this machine among which the device moves, in turn");
        MigrateInsecure = make.Flag("--migrate-insecure", [], "With --migrate-to: without TLS, for a lab: the daemons must run with --insecure-migration");
        MigrateMemory = make.Choice("--migrate-memory", [], "With --migrate-every: how guest memory gets there (default auto)", [("auto", MigrationMemory.Auto), ("copy", MigrationMemory.Copy), ("share", MigrationMemory.Share)]);

        DeclareFlagsWithoutMeaning(make, test);
    }

    public Argument<string?> Host { get; }
    public Option<long?> Size { get; }
    public Option<bool> All { get; }
    public Option<long?> Iterations { get; }
    public Option<double?> Duration { get; }
    public Option<double?> Margin { get; }
    public Option<long?> SendDepth { get; }
    public Option<long?> ReceiveDepth { get; }
    public Option<long?> QueuePairs { get; }
    public Option<long?> Moderation { get; }
    public Option<long?> PostList { get; }
    public Option<bool> Bidirectional { get; }
    public Option<int?> Mtu { get; }
    public Option<long?> InlineSize { get; }
    public Option<bool> NoPeak { get; }
    public Option<bool> Events { get; }
    public Option<long?> Vector { get; }
    public Option<long?> Outstanding { get; }
    public Option<AtomicKind?> Atomic { get; }
    public Option<string?> Connection { get; }
    public Option<bool> SharedReceives { get; }
    public Option<string?> Device { get; }
    public Option<long?> DevicePort { get; }
    public Option<long?> Port { get; }
    public Option<long?> GidIndex { get; }
    public Option<long?> Timeout { get; }
    public Option<long?> RetryCount { get; }
    public Option<long?> ServiceLevel { get; }
    public Option<long?> TypeOfService { get; }
    public Option<bool> ReportSorted { get; }
    public Option<bool> ReportUnsorted { get; }
    public Option<bool> ReportCycles { get; }
    public Option<long?> LatencyGap { get; }
    public Option<bool> Gigabits { get; }
    public Option<bool> ReportBoth { get; }
    public Option<double?> LimitBandwidth { get; }
    public Option<double?> LimitMessageRate { get; }
    public Option<bool> RegionPerQueuePair { get; }
    public Option<bool> WarmUp { get; }
    public Option<bool> CpuUtilization { get; }
    public Option<OutputLevel?> Output { get; }
    public Option<bool> Json { get; }
    public Option<string?> JsonFile { get; }
    public Option<bool> JsonOutput { get; }
    public Option<bool> Verify { get; }
    public Option<bool> Version { get; }
    public Option<PairMode?> Pair { get; }
    public Option<string?> Socket { get; }
    public Option<IPAddress?> Address { get; }
    public Option<IPAddress?> Embedded { get; }
    public Option<TimeSpan?> MigrateEvery { get; }
    public Option<string?> MigrateTo { get; }
    public Option<bool> MigrateInsecure { get; }
    public Option<MigrationMemory?> MigrateMemory { get; }

    /// <summary>Flags of perftest's that say nothing here (accepted), and those that ask for what the device has not (refused).</summary>
    private static void DeclareFlagsWithoutMeaning(OptionFactory make, PerfTest test)
    {
        make.Ignored("--CPU-freq", ["-F"], false);
        make.Ignored("--use_old_post_send", [], false);
        make.Ignored("--disable_pcie_relaxed", [], false);

        make.Refused("--rdma_cm", ["-R"], false, "is not supported: the device has no rdma_cm");
        make.Refused("--comm_rdma_cm", ["-z", "--com_rdma_cm"], false, "is not supported: the device has no rdma_cm");
        make.Refused("--dualport", ["-O"], false, test.IsBandwidth ? "is not supported: the device has one port" : "is available in bandwidth tests only");
        make.Refused("--mcg", ["-g"], false, test.UsesReceives ? "is not supported: the test has one sender and one receiver" : "is available in SEND tests only");
        make.Refused("--MGID", ["-M"], true, test.UsesReceives ? "is not supported: the test has one sender and one receiver" : "is available in SEND tests only");
        make.Refused("--hop_limit", ["-L"], true, "is valid for raw Ethernet QPs only");
        make.Refused("--report-counters", ["-W"], true, "is not supported: the device has no counters in sysfs");
        make.Refused("--run_infinitely", [], false, test.IsBandwidth ? "is not supported: use -D" : "is available in bandwidth tests only");
        foreach (string name in (string[])["--rate_limit", "--rate_limit_type", "--rate_units", "--burst_size", "--typical_pkt_size"])
            make.Refused(name, [], true, test.IsBandwidth ? "is not supported: the device has no rate limiter" : "is available in bandwidth tests only");
    }
}
