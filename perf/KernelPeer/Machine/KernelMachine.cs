using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace RoceEngine.KernelPeer.Machine;

/// <summary>
/// A virtual machine whose kernel's rxe is the peer, and the namespace in which this side's programs run on the drop-in <c>libibverbs.so.1</c>.
/// <c>Rig/rig</c> makes both, and takes them down when this object goes, or this process.
/// </summary>
internal sealed partial class KernelMachine : IAsyncDisposable
{
    /// <summary>The machine's addresses.</summary>
    public const string Address4 = "192.168.77.2";
    public const string Address6 = "fd77::2";

    /// <summary>This side's addresses.</summary>
    public const string HereAddress4 = "192.168.77.1";
    public const string HereAddress6 = "fd77::1";

    private const int RocePort = 4791;

    /// <summary>The rig's exit status where the machine refuses it a network.</summary>
    private const int RefusedStatus = 3;

    private readonly Process _rig;
    private readonly NetworkNamespace _network;
    private readonly string _libraries;

    private KernelMachine(Process rig, NetworkNamespace network, string libraries, string kernel)
    {
        _rig = rig;
        _network = network;
        _libraries = libraries;
        Kernel = kernel;
    }

    /// <summary>The release of the machine's kernel.</summary>
    public string Kernel { get; }

    /// <summary>The program that both ends run; the machine has a copy at the same name.</summary>
    public static string PeerCheck => Path.Join(Made, "share", "peer_check");

    /// <summary>Boots it.</summary>
    /// <exception cref="KernelPeerException">Something is missing, or it does not boot; the rig says what.</exception>
    public static async Task<KernelMachine> StartAsync(CancellationToken cancellation)
    {
        string libraries = Path.Join(Repository, "guestlib", "Libibverbs.Native", "bin", "publish");
        if (!File.Exists(Path.Join(libraries, "libibverbs.so.1")))
            throw new KernelPeerException("libibverbs.so.1 is not built yet: dotnet publish guestlib/Libibverbs.Native");
        string name = string.Create(CultureInfo.InvariantCulture, $"vrdma-peer-{Environment.ProcessId}");
        ProcessStartInfo start = new(Path.Join(Repository, "perf", "KernelPeer", "Rig", "rig")) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.ArgumentList.Add("serve");
        start.ArgumentList.Add(name);
        start.Environment["VRDMA_KERNEL_PEER_DIR"] = Made;
        Process rig = Process.Start(start)!;
        try
        {
            string[] ready = (await rig.StandardOutput.ReadLineAsync(cancellation) ?? "").Split(' ');
            if (ready is not ["ready", _, string kernel])
                throw await WhyNotAsync(rig, cancellation);
            KernelMachine machine = new(rig, new NetworkNamespace(name), libraries, kernel);
            ProgramResult copied = await machine.ThereAsync("cp /share/peer_check /tmp/", TimeSpan.FromSeconds(30), cancellation);
            return copied.ExitCode == 0 ? machine : throw new KernelPeerException(copied.ToString());
        }
        catch
        {
            await EndAsync(rig);
            throw;
        }
    }

    /// <summary>Runs a command of the machine's shell.</summary>
    public async Task<ProgramResult> ThereAsync(string command, TimeSpan patience, CancellationToken cancellation)
    {
        try
        {
            return await Shell.RunAsync(_network, command, patience, cancellation);
        }
        catch (SocketException failure)
        {
            return new ProgramResult(command, ProgramResult.TookTooLong, $"the machine does not answer: {failure.Message}");
        }
    }

    /// <summary>Runs a program here, with a device of its own at an address, as <c>vrdma run --address ADDRESS -- PROGRAM ARGUMENTS</c> does.</summary>
    public async Task<ProgramResult> HereAsync(string address, string program, string[] arguments, TimeSpan patience, CancellationToken cancellation)
    {
        ProcessStartInfo start = new(program) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment["LD_LIBRARY_PATH"] = _libraries;
        start.Environment["VRDMA_ADDRESS"] = address;
        start.Environment["VRDMA_EXPLAIN"] = "1";
        _ = start.Environment.Remove("VRDMA_SOCKET");
        _ = start.Environment.Remove("VRDMA_DRIVE");
        using Process process = await _network.InsideAsync(() => Process.Start(start)!);
        process.StandardInput.Close();
        return await ProgramResult.OfAsync(process, patience, cancellation);
    }

    /// <summary>Has the machine lose one RoCEv2 packet in so many, as they come and as they go; 0 loses none.</summary>
    /// <exception cref="KernelPeerException">It cannot.</exception>
    public async Task LoseAsync(int oneIn, CancellationToken cancellation)
    {
        string[] commands =
        [
            "set -e", "tc qdisc add dev eth0 clsact",
            .. OfBoth("ingress", $"action gact pass random netrand drop {oneIn}"),
            // Not by an action: rxe is told of what an action drops on its way out, and sends it again at once.
            "tc qdisc add dev eth0 root handle 1: prio bands 4",
            string.Create(CultureInfo.InvariantCulture, $"tc qdisc add dev eth0 parent 1:4 netem loss random {100.0 / oneIn}%"),
            .. OfBoth("parent 1:", "classid 1:4"),
        ];
        string command = "tc qdisc del dev eth0 clsact 2>/dev/null; tc qdisc del dev eth0 root 2>/dev/null; " + (oneIn == 0 ? "true" : string.Join("; ", commands));
        ProgramResult result = await ThereAsync(command, TimeSpan.FromSeconds(30), cancellation);
        if (result.ExitCode != 0)
            throw new KernelPeerException(result.ToString());

        static IEnumerable<string> OfBoth(string where, string what) =>
            from protocol in (string[])["ip", "ipv6"]
            select $"tc filter add dev eth0 {where} protocol {protocol} flower ip_proto udp dst_port {RocePort} {what}";
    }

    /// <summary>How many packets the machine has lost since it was told to; 0 when it was not.</summary>
    public async Task<long> LostAsync(CancellationToken cancellation)
    {
        ProgramResult result = await ThereAsync(
            "tc -s filter show dev eth0 ingress 2>/dev/null; tc -s qdisc show dev eth0 | grep -A 1 netem", TimeSpan.FromSeconds(30), cancellation);
        return Dropped().Matches(result.Output).Sum(match => long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
    }

    /// <summary>Whether a program listens for connections in the machine.</summary>
    public async Task<bool> IsListeningThereAsync(CancellationToken cancellation) =>
        (await ThereAsync("rdma resource show cm_id | grep -q LISTEN", TimeSpan.FromSeconds(10), cancellation)).ExitCode == 0;

    /// <summary>Whether a program here has a device.</summary>
    public Task<bool> IsBoundHereAsync() => _network.InsideAsync(() =>
        ((string[])["/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"]).Any(table => File.ReadAllText(table).Contains($":{RocePort:X4} ", StringComparison.Ordinal)));

    public async ValueTask DisposeAsync()
    {
        _network.Dispose();
        await EndAsync(_rig);
    }

    [GeneratedRegex("dropped ([0-9]+),")]
    private static partial Regex Dropped();

    private static string Made => Environment.GetEnvironmentVariable("VRDMA_KERNEL_PEER_DIR") is { Length: > 0 } path
        ? path : Path.Join(Repository, "perf", "KernelPeer", "bin", "rig");

    private static string Repository
    {
        get
        {
            for (string? directory = AppContext.BaseDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
            {
                if (File.Exists(Path.Join(directory, "RoceEngine.sln")))
                    return directory;
            }

            throw new KernelPeerException("the sources, which the rig is part of, are not here");
        }
    }

    private static async Task<KernelPeerException> WhyNotAsync(Process rig, CancellationToken cancellation)
    {
        await rig.WaitForExitAsync(cancellation);
        return rig.ExitCode == RefusedStatus
            ? new KernelPeerException("no network namespace with a bridge and a tap device may be made here") { IsRefused = true }
            : new KernelPeerException("the rig did not start; the line before says why (perf/KernelPeer/Rig/rig install brings what it needs)");
    }

    private static async Task EndAsync(Process rig)
    {
        rig.StandardInput.Close();
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(20));
        try
        {
            await rig.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            rig.Kill(entireProcessTree: true);
        }

        rig.Dispose();
    }
}
