using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using RoceEngine.Launching;
using RoceEngine.PerfTool.Running;

[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace RoceEngine.PerfTool.Tests;

/// <summary>What a run of the tool left behind.</summary>
internal sealed record ToolRun(int ExitCode, string Output, string Errors)
{
    /// <summary>Rows of the last table, the separators taken off.</summary>
    public string[] Rows
    {
        get
        {
            string[] lines = Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            int head = Array.FindLastIndex(lines, line => line.StartsWith(" #bytes", StringComparison.Ordinal));
            return [.. lines.Skip(head + 1).Where(line => !line.StartsWith('-'))];
        }
    }

    /// <summary>Runs the tool in this process.</summary>
    public static ToolRun Of(string line)
    {
        using StringWriter output = new();
        using StringWriter errors = new();
        int code = PerfProgram.Run(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), output, errors);
        return new ToolRun(code, output.ToString(), errors.ToString());
    }

    /// <summary>Runs a server and a client that finds it, each with its own further arguments.</summary>
    public static (ToolRun Server, ToolRun Client) OfRoles(string serverLine, string clientLine)
    {
        int port = FreePort();
        ToolRun? server = null;
        Thread thread = new(() => server = Of($"{serverLine} -p {port}"));
        thread.Start();
        ToolRun client = Of($"{clientLine} -p {port} 127.0.0.1");
        thread.Join();
        return (server!, client);
    }

    /// <summary>The words of the numbers in a row.</summary>
    public static string[] Columns(string row) => row.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);

    /// <summary>A loopback address for a device that no other run of these tests has.</summary>
    public static IPAddress FreeAddress()
    {
        IPAddress address;
        do
            address = Devices.RandomAddress();
        while (!AddressPlan.IsFree(address));
        return address;
    }

    private static int FreePort()
    {
        using Socket probe = new(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
        probe.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        return ((IPEndPoint)probe.LocalEndPoint!).Port;
    }
}

/// <summary>A folder that goes away with its test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("perftool").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public JsonElement Json(string name) => JsonDocument.Parse(System.IO.File.ReadAllBytes(File(name))).RootElement;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
