using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Microsoft.Extensions.Logging;
using RoceEngine.Channel;
using RoceEngine.Host;
using RoceEngine.Links;
using RoceEngine.Wire;

namespace RoceEngine.Vrdmad;

/// <summary>The command line of the daemon.</summary>
public static class DaemonCommand
{
    private const int ExitBadOption = 2;
    private const int WorkersMax = 64;

    // Signals are the Generic Host's business.
    private static readonly InvocationConfiguration Invocation = new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };

    /// <summary>Parses, runs until told to stop, and returns the exit code: 0 after a clean stop, 1 when it cannot start, 2 for a bad option.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        Option<string[]> address = new("--address")
        {
            Description = "An IP address for guests, or a range FIRST-LAST of them. May be given more than once. They must be addresses of this machine, unless --own-addresses is given.",
            Required = true,
            HelpName = "ADDRESS[-LAST]",
        };
        Option<bool> own = new("--own-addresses")
        {
            Description = "Put the address of each device on a network interface (as /32 or /128, where a network of the interface contains it), tell the neighbours (gratuitous ARP, unsolicited neighbour advertisement), and take it off when the device ends or moves away: as a virtual IP address. One that is there already as /32 or /128 counts as the daemon's own. Needs CAP_NET_ADMIN, and CAP_NET_RAW to tell the neighbours.",
        };
        Option<string> socket = new("--socket")
        {
            Description = $"Where guests and tools connect. Otherwise ${ChannelProtocol.SocketVariable}, /run/vrdma/vrdmad.sock for root, $XDG_RUNTIME_DIR/vrdma/vrdmad.sock for others.",
            HelpName = "PATH",
        };
        Option<string[]> allowUser = new("--allow-uid") { Description = "A user id that may attach, beside root and the daemon's own user. May be given more than once.", HelpName = "N" };
        Option<string[]> allowGroup = new("--allow-group") { Description = "A group id whose members may attach. May be given more than once.", HelpName = "N" };
        Option<string> workers = new("--workers") { Description = "Datapath threads; each guest's device belongs to one of them. [default: 1]", HelpName = "N" };
        Option<string> memory = new("--max-memory") { Description = "Memory of one guest at most, in bytes, or with K, M or G. [default: 16G]", HelpName = "BYTES" };
        Option<string> logLevel = new("--log-level") { Description = "Debug, Information, Warning or Error. [default: Information]", HelpName = "LEVEL" };
        Option<bool> noGso = new("--no-gso") { Description = "Send and receive each datagram by itself, without UDP_SEGMENT and UDP_GRO." };
        Option<string> loss = new("--loss") { Description = "For tests: the share of received datagrams, 0 to 1, to drop as if the network had lost them. [default: 0]", HelpName = "RATE" };
        MigrationOptions migration = new();
        Option<bool> exitWithStdin = new("--exit-with-stdin") { Description = "Stop when standard input ends: for a daemon that shall not outlive its parent." };

        var root = new RootCommand("The host daemon of paravirtual RDMA devices: guests attach by shared memory, hosts talk RoCEv2 over UDP port 4791.")
        {
            address, own, socket, allowUser, allowGroup, workers, memory, logLevel, noGso, loss, exitWithStdin,
        };
        migration.AddTo(root);

        root.SetAction(async (result, cancellation) =>
        {
            var options = new DaemonOptionsReader();
            HostOptions? host = options.Read(
                result.GetValue(address) ?? [],
                result.GetValue(socket),
                result.GetValue(allowUser) ?? [],
                result.GetValue(allowGroup) ?? [],
                result.GetValue(workers),
                result.GetValue(memory),
                result.GetValue(noGso),
                result.GetValue(loss));
            LogLevel level = options.ReadLogLevel(result.GetValue(logLevel));
            if (options.Problem is { } problem)
                return Fail(problem);
            host = migration.Apply(host! with { OwnsAddresses = result.GetValue(own) }, result, out string? migrationProblem);
            if (migrationProblem is not null)
                return Fail(migrationProblem);
            return await DaemonProcess.RunAsync(host!, level, result.GetValue(exitWithStdin), cancellation);
        });

        ParseResult parsed = root.Parse(args);
        return parsed.Errors.Count > 0 ? Fail(parsed.Errors[0].Message) : await parsed.InvokeAsync(Invocation);
    }

    private static int Fail(string problem)
    {
        Console.Error.WriteLine($"vrdmad: {problem}");
        return ExitBadOption;
    }

    /// <summary>Turns the options' text into what the host wants; keeps the first problem.</summary>
    private sealed class DaemonOptionsReader
    {
        public string? Problem { get; private set; }

        public HostOptions? Read(
            string[] addresses, string? socket, string[] allowUsers, string[] allowGroups, string? workers, string? memory, bool noGso,
            string? loss)
        {
            var gids = new List<Gid>();
            foreach (string text in addresses)
            {
                if (!AddressRanges.TryParse(text, gids, out string problem))
                    Problem ??= $"--address: {problem}";
            }
            if (socket is "")
                Problem ??= "--socket: the path is empty";
            uint[] userIds = ReadIds("--allow-uid", allowUsers);
            uint[] groupIds = ReadIds("--allow-group", allowGroups);
            int workerCount = 1;
            if (workers is not null && (!int.TryParse(workers, out workerCount) || workerCount is < 1 or > WorkersMax))
                Problem ??= $"--workers: '{workers}' is not a number from 1 to {WorkersMax}";
            long memoryBytes = 16L << 30;
            if (memory is not null && !TryReadBytes(memory, out memoryBytes))
                Problem ??= $"--max-memory: '{memory}' is not a number of bytes of at least {ChannelProtocol.GuestRamBytesMin}";
            double lossRate = 0;
            if (loss is not null && (!double.TryParse(loss, NumberStyles.Float, CultureInfo.InvariantCulture, out lossRate) || !(lossRate is >= 0 and <= 1)))
                Problem ??= $"--loss: '{loss}' is not a number from 0 to 1";
            if (Problem is not null)
                return null;
            return new HostOptions
            {
                Addresses = [.. gids.Distinct()],
                SocketPath = socket ?? ChannelProtocol.DefaultSocketPath(),
                AllowedUserIds = userIds,
                AllowedGroupIds = groupIds,
                WorkerCount = workerCount,
                GuestRamBytesMax = memoryBytes,
                Link = new UdpLinkOptions { UseGso = !noGso, UseGro = !noGso, LossRate = lossRate },
                Version = typeof(DaemonCommand).Assembly.GetName().Version?.ToString(3) ?? "0",
            };
        }

        public LogLevel ReadLogLevel(string? text)
        {
            if (text is null)
                return LogLevel.Information;
            if (Enum.TryParse(text, ignoreCase: true, out LogLevel level) && Enum.IsDefined(level) && !int.TryParse(text, out _))
                return level;
            Problem ??= $"--log-level: '{text}' is not one of Trace, Debug, Information, Warning, Error, Critical, None";
            return LogLevel.Information;
        }

        private uint[] ReadIds(string option, string[] texts)
        {
            var ids = new List<uint>();
            foreach (string text in texts)
            {
                if (uint.TryParse(text, NumberStyles.None, null, out uint id))
                    ids.Add(id);
                else
                    Problem ??= $"{option}: '{text}' is not a numeric id";
            }
            return [.. ids];
        }

        private static bool TryReadBytes(string text, out long bytes)
        {
            int shift = text.Length == 0 ? 0 : char.ToUpperInvariant(text[^1]) switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 };
            string digits = shift == 0 ? text : text[..^1];
            bytes = 0;
            if (!long.TryParse(digits, NumberStyles.None, null, out long number) || number > long.MaxValue >> shift)
                return false;
            bytes = number << shift;
            return bytes >= ChannelProtocol.GuestRamBytesMin;
        }
    }
}
