using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace VerbsPrograms.Tests.Support;

/// <summary>How a program ended and all that it wrote.</summary>
internal sealed record ProgramResult(string CommandLine, int ExitCode, string Output, string Errors)
{
    public override string ToString() => $"{CommandLine}: exit code {ExitCode}\n--- standard output\n{Output}\n--- standard error\n{Errors}";
}

/// <summary>Runs programs in bounded time.</summary>
internal static class ProgramRun
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(150);

    /// <summary>Runs a program to its end.</summary>
    public static async Task<ProgramResult> RunAsync(string program, string[] arguments, TimeSpan? patience = null, Dictionary<string, string>? environment = null)
    {
        using Process process = Start(program, arguments, environment);
        return await EndAsync(process, patience ?? s_patience);
    }

    /// <summary>Runs a program as a user would: <c>vrdma run [OPTIONS] -- PROGRAM ARGUMENTS</c>.</summary>
    public static Task<ProgramResult> RunWithDeviceAsync(string[] options, string program, params string[] arguments) =>
        RunAsync(Tool, ["run", .. options, "--", program, .. arguments]);

    /// <summary>Skips a test of a program that looks for the files of its device where the system permits no process to show it some.</summary>
    public static async Task RequireDeviceFilesOrSkipAsync()
    {
        ProgramResult result = await RunWithDeviceAsync([], "test", "-c", "/dev/infiniband/uverbs0");
        Assert.SkipUnless(result.ExitCode == 0, "no mount namespaces are permitted here, in which programs are shown files of devices");
    }

    /// <summary>
    /// Runs a program twice, each with a device of its own: as server, and once that listens, as client of it. Both get the arguments and a free port with
    /// <c>-p</c>; the client the server's address behind them. They run in the environment that <c>vrdma run</c> makes, without its time to start.
    /// </summary>
    /// <param name="libraryDirectory">Where <c>libibverbs.so.1</c> is.</param>
    /// <param name="socketPath">A daemon to attach to; null for devices in the processes.</param>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Of both.</param>
    public static async Task<(ProgramResult Server, ProgramResult Client)> RunPairAsync(
        string libraryDirectory, string? socketPath, string program, params string[] arguments)
    {
        int port = FreePort();
        string[] common = ["-p", port.ToString(CultureInfo.InvariantCulture), .. arguments];
        Dictionary<string, string> environment = EnvironmentOf(libraryDirectory, socketPath);
        using Process server = Start(program, common, environment);
        Task<ProgramResult> serverEnds = EndAsync(server, s_patience);
        await ListensAsync(port, serverEnds);
        ProgramResult client = await RunAsync(program, [.. common, "127.0.0.1"], environment: environment);
        ProgramResult result = await serverEnds;
        Assert.True(client.ExitCode == 0 && result.ExitCode == 0, $"{client}\n{result}");
        return (result, client);
    }

    /// <summary>
    /// Runs a program as <see cref="RunWithDeviceAsync"/> does, twice: as server with <c>-p PORT</c>, and once that listens, as its client with the server's address
    /// and the arguments behind that.
    /// </summary>
    /// <param name="options">Of <c>vrdma run</c>, for both.</param>
    /// <param name="environment">Of both.</param>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Of the client.</param>
    public static async Task<ProgramResult> RunPairWithDevicesAsync(
        string[] options, Dictionary<string, string> environment, string program, params string[] arguments)
    {
        int port = FreePort();
        string[] common = ["run", .. options, "--", program, "-p", port.ToString(CultureInfo.InvariantCulture)];
        using Process server = Start(Tool, common, environment);
        Task<ProgramResult> serverEnds = EndAsync(server, s_patience);
        await ListensAsync(port, serverEnds);
        ProgramResult client = await RunAsync(Tool, [.. common, .. arguments, "127.0.0.1"], environment: environment);
        ProgramResult result = await serverEnds;
        Assert.True(client.ExitCode == 0 && result.ExitCode == 0, $"{client}\n{result}");
        return client;
    }

    /// <summary>
    /// Runs programs that find each other by RDMA addresses: the server, and the client until both have succeeded, since nothing tells when the server is ready.
    /// </summary>
    /// <param name="libraryDirectory">Where the libraries are.</param>
    /// <param name="socketPath">A daemon to attach to, whose addresses are 127.66.0.1 and 127.66.0.2; null for devices in the processes.</param>
    /// <param name="server">The server and its arguments; {0} stands for its address.</param>
    /// <param name="client">The client and its arguments, as well.</param>
    /// <param name="host">Where they run, with its addresses; null for this machine.</param>
    /// <param name="serverLasts">The server does not end by itself: it is killed when the client has succeeded.</param>
    public static async Task<(ProgramResult Server, ProgramResult Client)> RunConnectedPairAsync(
        string libraryDirectory, string? socketPath, string[] server, string[] client, TestHost? host = null, bool serverLasts = false)
    {
        string address = host is not null ? TestHost.Server
            : socketPath is null ? $"127.71.{Random.Shared.Next(1, 255)}.{Random.Shared.Next(1, 255)}" : "127.66.0.1";
        Dictionary<string, string> environment = EnvironmentOf(libraryDirectory, socketPath);
        server = CommandOf(server);
        string[] arguments = CommandOf(client);
        using Process serving = Start(server[0], server[1..], new(environment) { ["VRDMA_ADDRESS"] = address });
        Task<ProgramResult> serverEnds = EndAsync(serving, s_patience);
        if (socketPath is not null || host is not null)
            environment["VRDMA_ADDRESS"] = host is null ? "127.66.0.2" : TestHost.Client;
        ProgramResult result;
        bool isKilled;
        do
        {
            await Task.Delay(300, TestContext.Current.CancellationToken);
            result = await RunAsync(arguments[0], arguments[1..], environment: environment);
            isKilled = serverLasts && result.ExitCode == 0;
            if (isKilled)
                serving.Kill();
            _ = await Task.WhenAny(serverEnds, Task.Delay(1000, TestContext.Current.CancellationToken));
        }
        while (!isKilled && !serverEnds.IsCompleted);

        ProgramResult served = await serverEnds;
        Assert.True((isKilled || served.ExitCode == 0) && result.ExitCode == 0, $"{served}\n{result}");
        return (served, result);

        string[] CommandOf(string[] command) =>
            [.. TestHost.Prefix(host), .. command.Select(argument => string.Format(CultureInfo.InvariantCulture, argument, address))];
    }

    /// <summary>What <c>vrdma run</c> sets.</summary>
    public static Dictionary<string, string> EnvironmentOf(string libraryDirectory, string? socketPath)
    {
        Dictionary<string, string> environment = new() { ["LD_LIBRARY_PATH"] = libraryDirectory, ["VRDMA_EXPLAIN"] = "1" };
        if (socketPath is not null)
            environment["VRDMA_SOCKET"] = socketPath;
        return environment;
    }

    /// <summary>The <c>vrdma</c> command.</summary>
    public static string Tool => Path.Join(AppContext.BaseDirectory, "vrdma");

    /// <summary>Starts a program whose standard input stays open.</summary>
    public static Process StartOpen(string program, string[] arguments, Dictionary<string, string>? environment) => Begin(program, arguments, environment);

    private static Process Start(string program, string[] arguments, Dictionary<string, string>? environment)
    {
        Process process = Begin(program, arguments, environment);
        process.StandardInput.Close();
        return process;
    }

    private static Process Begin(string program, string[] arguments, Dictionary<string, string>? environment)
    {
        ProcessStartInfo start = new(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (string name in (string[])["VRDMA_SOCKET", "VRDMA_ADDRESS", "VRDMA_DRIVE", "VRDMA_EXPLAIN"])
            start.Environment.Remove(name);
        foreach ((string name, string value) in environment ?? [])
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>Waits for its end, and fails the test when that does not come.</summary>
    public static Task<ProgramResult> EndAsync(Process process) => EndAsync(process, s_patience);

    private static async Task<ProgramResult> EndAsync(Process process, TimeSpan patience)
    {
        string commandLine = $"{process.StartInfo.FileName} {string.Join(' ', process.StartInfo.ArgumentList)}";
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(patience);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
            Assert.Fail($"did not end: {new ProgramResult(commandLine, process.ExitCode, await output, await errors)}");
        }

        return new ProgramResult(commandLine, process.ExitCode, await output, await errors);
    }

    /// <summary>A TCP port that nobody uses.</summary>
    public static int FreePort()
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static async Task ListensAsync(int port, Task<ProgramResult> server)
    {
        // 0A is LISTEN.
        string entry = string.Create(CultureInfo.InvariantCulture, $":{port:X4} ");
        while (!server.IsCompleted && !IsListening("/proc/net/tcp") && !IsListening("/proc/net/tcp6"))
            await Task.Delay(20, TestContext.Current.CancellationToken);

        bool IsListening(string table) => File.Exists(table) && File.ReadLines(table).Any(
            line => line.Contains(entry, StringComparison.Ordinal) && line.Contains(":0000 0A ", StringComparison.Ordinal));
    }
}
