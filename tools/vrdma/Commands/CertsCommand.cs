using System.CommandLine;
using System.CommandLine.Parsing;
using RoceEngine.HostStream;

namespace RoceEngine.Vrdma.Commands;

/// <summary><c>vrdma certs</c>: an authority of one's own and certificates by which daemons know each other.</summary>
internal static class CertsCommand
{
    public static Command Create()
    {
        Argument<string?> directory = new("DIRECTORY") { Description = "Where the PEM files go; nothing there is written over.", CustomParser = CommonOptions.Word };
        Option<string[]> host = new("--host")
        {
            Description = "A daemon's name, and after commas its other host names and IP addresses: those that --to will say. May be given more than once.",
            HelpName = "NAME[,OTHER...]",
            Required = true,
            AllowMultipleArgumentsPerToken = true,
        };
        Command command = new("certs", "Makes an authority and a certificate for each daemon, for migrations.") { directory, host };
        command.SetAction(parsed => Run(parsed.GetValue(directory)!, parsed.GetValue(host)!));
        return command;
    }

    private static int Run(string directory, string[] hosts)
    {
        try
        {
            HostIdentity[] identities = [.. hosts.Select(each => each.Split(',')).Select(names => new HostIdentity(names[0], names[1..]))];
            foreach (string file in HostCertificates.Write(directory, identities))
                Console.Out.WriteLine(file);
            return ExitCode.Success;
        }
        catch (Exception e) when (e is HostStreamException or ArgumentException)
        {
            throw new CommandException(e.Message, inner: e);
        }
    }
}
