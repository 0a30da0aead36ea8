using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using RoceEngine.Channel;
using RoceEngine.Launching;
using RoceEngine.Vrdma.Output;

namespace RoceEngine.Vrdma.Commands;

/// <summary><c>vrdma migrate</c>: moves a device to another daemon, with its guest none the wiser.</summary>
internal static class MigrateCommand
{
    private static readonly string[] MemoryModes = ["auto", "copy", "share"];

    public static Command Create()
    {
        Argument<string?> device = new("DEVICE") { Description = "Name or address of the device.", CustomParser = CommonOptions.Word };
        Option<HostAndPort?> to = new("--to")
        {
            Description = $"The daemon to move it to: host name or IP address, and the port of its --migrate-listen where that is not {ChannelProtocol.MigrationPort}.",
            HelpName = "HOST[:PORT]",
            Required = true,
            CustomParser = ParseHost,
        };
        Option<string> memory = new("--memory")
        {
            Description = "How guest memory gets there: copy (in rounds while the guest runs), share (the guest, which stays on this machine, takes it along), or auto: copy where the guest can.",
            HelpName = "MODE",
            DefaultValueFactory = _ => MemoryModes[0],
        };
        memory.AcceptOnlyFromAmong(MemoryModes);
        Option<int> patience = new("--patience")
        {
            Description = "While the device stands still, the other daemon may be silent for so many ms before the device goes on where it was. Peers give it up when their retries are used up, after 540 ms at the usual settings.",
            HelpName = "MS",
            DefaultValueFactory = _ => MigrateRequest.PatienceMsDefault,
        };
        patience.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && (!int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int ms) || ms is < 1 or > MigrateRequest.PatienceMsMax))
                result.AddError($"--patience: '{result.Tokens[0].Value}' is not a number from 1 to {MigrateRequest.PatienceMsMax}.");
        });
        Option<bool> insecure = new("--insecure") { Description = "Without TLS, for a lab: both daemons must run with --insecure-migration." };
        Option<bool> json = CommonOptions.Json("Print the report as JSON.");
        Option<string?> socket = CommonOptions.Socket();
        Command command = new("migrate", "Moves a device to another daemon; its guest and its peers see a pause.") { device, to, memory, patience, insecure, json, socket };
        command.SetAction(parsed =>
        {
            HostAndPort target = parsed.GetValue(to)!;
            var request = new MigrateRequest
            {
                Device = parsed.GetValue(device)!,
                Host = target.Host,
                Port = target.Port,
                Memory = parsed.GetValue(memory)!,
                PatienceMs = parsed.GetValue(patience),
                IsInsecure = parsed.GetValue(insecure),
            };
            return Run(parsed.GetValue(socket), request, parsed.GetValue(json));
        });
        return command;
    }

    private static int Run(string? socketPath, MigrateRequest request, bool isJson)
    {
        using TerminationSignals signals = new();
        using MigrationView view = MigrationView.Create(isQuiet: isJson);
        try
        {
            MigrationReport report = DaemonAccess.Ask(socketPath, daemon =>
            {
                _ = DaemonAccess.Select(daemon.ListDevices(), request.Device, daemon.SocketPath);
                return daemon.Migrate(request, view.Show, signals.Token);
            });
            view.End();
            if (isJson)
                JsonOutput.WriteDocument(writer => MigrationOutput.Write(writer, report));
            else
                MigrationOutput.Write(report);
            return ExitCode.Success;
        }
        catch (CommandException) when (signals.ExitCode != 0)
        {
            view.End();
            Console.Error.WriteLine("vrdma: called off; the device runs where it was");
            return signals.ExitCode;
        }
    }

    private static HostAndPort? ParseHost(ArgumentResult result)
    {
        string token = result.Tokens.Single().Value;
        string host = token;
        int port = ChannelProtocol.MigrationPort;
        int colon = token.LastIndexOf(':');
        bool isBareIPv6 = token.IndexOf(':', StringComparison.Ordinal) != colon && !token.StartsWith('[');
        if (colon >= 0 && !isBareIPv6 && !token.EndsWith(']'))
        {
            host = token[..colon];
            if (!int.TryParse(token.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) || port is < 1 or > 65535)
                port = 0;
        }
        host = host.Trim('[', ']');
        if (host.Length > 0 && host[0] != '-' && port > 0)
            return new HostAndPort(host, port);
        result.AddError($"--to: '{token}' is not a host with or without a port.");
        return null;
    }

    private sealed record HostAndPort(string Host, int Port);
}
