using System.CommandLine;

namespace RoceEngine.PerfTool.Options;

/// <summary>Applies perftest's defaults and the dependencies between flags.</summary>
internal sealed class OptionResolver(PerfTest test, TestOptionSet options, ParseResult parsed)
{
    /// <summary>Above this size a completion is asked for each message unless -Q says otherwise.</summary>
    private const int ModerationLimitBytes = 8192;

    /// <summary>Above this number of iterations the peak is not searched for.</summary>
    private const int PeakLimitIterations = 20000;

    /// <summary>Nor above this number of messages over all queue pairs: two readings each are kept.</summary>
    private const int PeakLimitMessages = 1 << 22;

    private const double DefaultMarginSeconds = 2;

    /// <summary>Receives of UC and UD unless -r says otherwise.</summary>
    private const int UnreliableReceiveDepth = 4000;

    /// <summary>Seconds of a run with moves unless -D says otherwise.</summary>
    private const double MigrationSeconds = 10;

    private readonly List<string> _notices = [];

    /// <summary>The options of the run.</summary>
    /// <exception cref="UsageException">Flags that contradict each other.</exception>
    public PerfOptions Resolve()
    {
        PerfConnection connection = Connection();
        MigrationPlan? migration = Migration();
        double duration = parsed.GetValue(options.Duration) ?? (migration is null ? 0 : MigrationSeconds);
        bool all = parsed.GetValue(options.All);
        int size = all ? PerfTest.SweepMaximumBytes : (int)(parsed.GetValue(options.Size) ?? test.DefaultSizeBytes);
        Require(migration is null || duration > migration.Period.TotalSeconds, $"--migrate-every is longer than the run of {duration} s: nothing would move");
        Require(duration == 0 || !all, "-D/--duration does not run on all sizes: leave out -a/--all");
        long iterations = duration > 0 ? 0 : parsed.GetValue(options.Iterations) ?? test.DefaultIterations;
        bool events = parsed.GetValue(options.Events);
        Require(!events || duration == 0, "-D/--duration does not work with -e/--events");
        Require(events || parsed.GetValue(options.Vector) is null, "-X/--vector needs -e/--events");
        Require(parsed.GetValue(options.Vector) is null or 0, "-X/--vector: the device has completion vector 0 only");
        Require(parsed.GetValue(options.DevicePort) is null or 1, "-i/--ib-port: the device has port 1 only");
        Require(parsed.GetValue(options.GidIndex) is null or 0, "-x/--gid-index: the device has GID index 0 only");

        int sendDepth = Limit(parsed.GetValue(options.SendDepth) ?? test.DefaultSendDepth, iterations);
        int postList = (int)(parsed.GetValue(options.PostList) ?? 1);
        PerfOptions resolved = new()
        {
            Test = test,
            ServerHost = parsed.GetValue(options.Host),
            Port = (int)(parsed.GetValue(options.Port) ?? 18515),
            SizeBytes = size,
            AllSizes = all,
            Iterations = iterations,
            DurationSeconds = duration,
            MarginSeconds = Margin(duration),
            SendDepth = sendDepth,
            Connection = connection,
            UseSharedReceiveQueue = parsed.GetValue(options.SharedReceives),
            ReceiveDepth = Limit(ReceiveDepth(connection, iterations), test.UsesReceives ? iterations : 0),
            QueuePairs = (int)(parsed.GetValue(options.QueuePairs) ?? 1),
            PostList = postList,
            CompletionModeration = Moderation(size, all, events, sendDepth, postList, iterations),
            Bidirectional = parsed.GetValue(options.Bidirectional),
            MtuBytes = parsed.GetValue(options.Mtu) ?? 0,
            InlineBytes = (int?)parsed.GetValue(options.InlineSize),
            NoPeak = NoPeak(duration, iterations),
            UseEvents = events,
            Device = parsed.GetValue(options.Device),
            Timeout = (int)(parsed.GetValue(options.Timeout) ?? 14),
            RetryCount = (int)(parsed.GetValue(options.RetryCount) ?? 7),
            OutstandingReads = (int)(parsed.GetValue(options.Outstanding) ?? 0),
            Atomic = parsed.GetValue(options.Atomic) ?? AtomicKind.FetchAndAdd,
            ServiceLevel = (int)(parsed.GetValue(options.ServiceLevel) ?? 0),
            TrafficClass = (int)(parsed.GetValue(options.TypeOfService) ?? 0),
            ReportSorted = parsed.GetValue(options.ReportSorted),
            ReportUnsorted = parsed.GetValue(options.ReportUnsorted),
            ReportCycles = parsed.GetValue(options.ReportCycles),
            LatencyGapUs = (int)(parsed.GetValue(options.LatencyGap) ?? 0),
            Gigabits = parsed.GetValue(options.Gigabits),
            ReportBoth = parsed.GetValue(options.ReportBoth),
            MinimumBandwidth = parsed.GetValue(options.LimitBandwidth),
            MinimumMessageRate = parsed.GetValue(options.LimitMessageRate),
            RegionPerQueuePair = parsed.GetValue(options.RegionPerQueuePair),
            WarmUp = parsed.GetValue(options.WarmUp),
            CpuUtilization = parsed.GetValue(options.CpuUtilization),
            Output = Output(),
            JsonFile = JsonFile(),
            JsonOutput = parsed.GetValue(options.JsonOutput),
            Migration = migration,
            Verify = parsed.GetValue(options.Verify),
            Pair = parsed.GetValue(options.Pair) ?? PairMode.None,
            SocketPath = parsed.GetValue(options.Socket),
            Address = parsed.GetValue(options.Address),
            Embedded = parsed.GetValue(options.Embedded),
            Notices = _notices,
        };
        RequireConsistency(resolved);
        return resolved;
    }

    /// <summary>The moves, if any, and whether everything else lets a device move.</summary>
    private MigrationPlan? Migration()
    {
        string? to = parsed.GetValue(options.MigrateTo);
        bool isInsecure = parsed.GetValue(options.MigrateInsecure);
        MigrationMemory? memory = parsed.GetValue(options.MigrateMemory);
        if (parsed.GetValue(options.MigrateEvery) is not { } period)
        {
            Require(to is null, "--migrate-to needs --migrate-every");
            Require(!isInsecure, "--migrate-insecure needs --migrate-every");
            Require(memory is null, "--migrate-memory needs --migrate-every");
            return null;
        }

        Require(!parsed.GetValue(options.All), "--migrate-every does not run on all sizes: leave out -a/--all");
        Require(parsed.GetValue(options.Iterations) is null, "--migrate-every needs a run by time: -D/--duration instead of -n/--iters");
        Require(!parsed.GetValue(options.Events), "--migrate-every does not work with -e/--events");
        Require(parsed.GetValue(options.Pair) is null or PairMode.None, "--migrate-every needs daemons: leave out --pair");
        Require(parsed.GetValue(options.Embedded) is null, "--migrate-every needs daemons: a device of --embedded never moves");
        return new MigrationPlan { Period = period, Targets = Targets(to), IsInsecure = isInsecure, Memory = memory ?? MigrationMemory.Auto };
    }

    private MigrationTarget[] Targets(string? to)
    {
        bool isClient = parsed.GetValue(options.Host) is not null;
        bool namesDevice = parsed.GetValue(options.Socket) is not null || parsed.GetValue(options.Address) is not null || parsed.GetValue(options.Device) is not null;
        if (!isClient)
        {
            Require(to is null && !namesDevice, "--migrate-every moves the client's device: name the server's host, or leave out --migrate-to, --socket, --address and -d/--ib-dev to have both ends and their daemons here");
            Require(!parsed.GetValue(options.MigrateInsecure), "--migrate-insecure needs --migrate-to: private daemons have certificates");
            return [];
        }

        Require(to is not null, "--migrate-every with a host needs --migrate-to: the daemons among which the device moves");
        MigrationTarget[] targets = [.. to!.Split(',').Select(text => MigrationTarget.TryParse(text)
            ?? throw new UsageException($"--migrate-to: '{text}' is not a host and a port"))];
        Require(targets.Length > 1, "--migrate-to: the device moves from daemon to daemon in turn, name two at least; the last may be the one that has it at first");
        return targets;
    }

    private PerfConnection Connection()
    {
        string connection = parsed.GetValue(options.Connection) ?? "RC";
        Require(connection is not "UC" || !test.IsResponse, "-c/--connection UC is not possible with READ and atomics");
        Require(connection is not "UD" || test.UsesReceives, "-c/--connection UD is possible with SEND only");
        Require(connection is not ("XRC" or "DC" or "SRD"), $"-c/--connection {connection} is not supported: the device has RC, UC and UD");
        return connection switch
        {
            "RC" => PerfConnection.RC,
            "UC" => PerfConnection.UC,
            "UD" => PerfConnection.UD,
            _ => throw new UsageException($"-c/--connection '{connection}' is not a connection type: please choose from RC, UC, UD"),
        };
    }

    /// <summary>perftest's choice: who sends to an unreliable service finds more receives, unless told otherwise.</summary>
    private long ReceiveDepth(PerfConnection connection, long iterations) =>
        parsed.GetValue(options.ReceiveDepth)
        ?? (connection == PerfConnection.RC || !test.UsesReceives ? test.DefaultReceiveDepth
            : iterations == 0 ? UnreliableReceiveDepth : Math.Min(iterations, UnreliableReceiveDepth));

    private double Margin(double duration)
    {
        double? asked = parsed.GetValue(options.Margin);
        double margin = asked ?? Math.Min(DefaultMarginSeconds, duration / 4);
        Require(duration == 0 || duration > 2 * margin, "-D/--duration must be more than twice the -f/--margin");
        return duration == 0 ? 0 : margin;
    }

    /// <summary>A queue is no deeper than the number of messages.</summary>
    private static int Limit(long depth, long iterations) => (int)(iterations == 0 ? depth : Math.Min(depth, iterations));

    private int Moderation(int size, bool all, bool events, int sendDepth, int postList, long iterations)
    {
        if (test.IsLatency)
            return 1;
        long? asked = parsed.GetValue(options.Moderation);
        long moderation = asked ?? 100;
        if (size > ModerationLimitBytes && !all && !events)
        {
            if (asked is null)
                moderation = 1;
            else if (moderation > 1)
                _notices.Add("Warning: Large message requested and CQ moderation enabled\nWarning: It can lead to inaccurate results");
        }

        moderation = Math.Min(moderation, sendDepth);
        if (postList == 1)
            return (int)moderation;

        Require(postList <= sendDepth, $"-l/--post_list {postList} must not exceed the tx depth of {sendDepth}");
        Require(iterations % postList == 0, "-n/--iters must be a multiple of -l/--post_list");
        if (asked is null)
        {
            _notices.Add("Post List requested - CQ moderation will be the size of the post list");
            return postList;
        }

        Require(postList % moderation == 0, "-l/--post_list must be a multiple of -Q/--cq-mod");
        return (int)moderation;
    }

    private bool NoPeak(double duration, long iterations)
    {
        bool asked = parsed.GetValue(options.NoPeak);
        bool unmeasured = duration > 0 || iterations > PeakLimitIterations || iterations * (parsed.GetValue(options.QueuePairs) ?? 1) > PeakLimitMessages;
        if (test.IsBandwidth && unmeasured && !asked)
            _notices.Add(" WARNING: BW peak won't be measured in this run.");
        return asked || unmeasured;
    }

    private OutputLevel Output()
    {
        OutputLevel level = parsed.GetValue(options.Output) ?? OutputLevel.Full;
        Require(test.IsLatency || level != OutputLevel.Latency, "--output for bandwidth tests can be bandwidth or message_rate");
        Require(test.IsBandwidth || level is OutputLevel.Full or OutputLevel.Latency, "--output for latency tests can be latency");
        return level;
    }

    private string? JsonFile()
    {
        string? file = parsed.GetValue(options.JsonFile);
        Require(file is not "", "--out_json_file needs a file name");
        return file ?? (parsed.GetValue(options.Json) ? "perftest_out.json" : null);
    }

    private static void RequireConsistency(PerfOptions resolved)
    {
        Require(resolved.ServerHost is not "", "the host is empty");
        Require(!resolved.JsonOutput || resolved.Output == OutputLevel.Full, "--json and --output exclude each other");
        Require(!resolved.JsonOutput || (!resolved.ReportSorted && !resolved.ReportUnsorted), "--json does not print samples: leave out -H/--report-histogram and -U/--report-unsorted");
        Require(!resolved.CpuUtilization || resolved.IsDuration, "--cpu_util needs -D/--duration");
        Require(!resolved.Verify || !resolved.IsLossy, "--verify needs -c RC: UC and UD may lose messages");
        Require(!resolved.UseSharedReceiveQueue || resolved.QueuePairs <= resolved.ReceiveDepth, "--use-srq: the SRQ depth should be greater than the number of QPs");
        Require(!resolved.ReportBoth || resolved.Bidirectional, "--report-both needs -b/--bidirectional");
        if (resolved.Pair != PairMode.None)
        {
            Require(resolved.ServerHost is null, $"--pair runs both ends here: leave out the host '{resolved.ServerHost}'");
            Require(resolved.Embedded is null && resolved.Address is null && resolved.SocketPath is null, "--pair chooses its own devices: leave out --embedded, --address and --socket");
        }

        Require(resolved.Embedded is null || (resolved.Address is null && resolved.SocketPath is null), "--embedded needs no daemon: leave out --address and --socket");
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new UsageException(message);
    }
}
