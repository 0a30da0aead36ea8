using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using RoceEngine.Channel;
using RoceEngine.HostStream;
using HostOptions = RoceEngine.Host.HostOptions;

namespace RoceEngine.Vrdmad;

/// <summary>The options about devices that come from other daemons or go to them.</summary>
internal sealed class MigrationOptions
{
    private readonly Option<string> _listen = new("--migrate-listen")
    {
        Description = $"Where other daemons bring devices: an IP address with or without a port ({ChannelProtocol.MigrationPort} where none is given; 0 takes a free one). Without it this daemon takes none.",
        HelpName = "ADDRESS[:PORT]",
    };

    private readonly Option<string> _authority = new("--tls-ca") { Description = "PEM file with the authority that signed the certificates of all daemons; vrdma certs makes one.", HelpName = "FILE" };

    private readonly Option<string> _certificate = new("--tls-cert") { Description = "PEM file with this daemon's certificate.", HelpName = "FILE" };

    private readonly Option<string> _key = new("--tls-key") { Description = "PEM file with its private key.", HelpName = "FILE" };

    private readonly Option<bool> _insecure = new("--insecure-migration")
    {
        Description = "Migrations without TLS are allowed: whoever reaches the port can read guest memory and pose as a daemon. For a lab.",
    };

    private readonly Option<string> _state = new("--state-dir")
    {
        Description = "Where this daemon remembers which snapshots were restored; daemons of a machine share it. [default: /var/lib/vrdma for root, $XDG_STATE_HOME/vrdma for others]",
        HelpName = "DIRECTORY",
    };

    public void AddTo(RootCommand root)
    {
        root.Add(_state);
        root.Add(_listen);
        root.Add(_authority);
        root.Add(_certificate);
        root.Add(_key);
        root.Add(_insecure);
    }

    /// <summary>The host's options with these; a problem when they make no sense together.</summary>
    public HostOptions Apply(HostOptions options, ParseResult result, out string? problem)
    {
        string? authority = result.GetValue(_authority);
        string? certificate = result.GetValue(_certificate);
        string? key = result.GetValue(_key);
        bool isInsecure = result.GetValue(_insecure);
        int named = (authority is null ? 0 : 1) + (certificate is null ? 0 : 1) + (key is null ? 0 : 1);
        problem = named is not (0 or 3) ? "--tls-ca, --tls-cert and --tls-key go together" : null;
        if (problem is not null || !TryReadEndPoint(result.GetValue(_listen), out IPEndPoint? endPoint, ref problem))
            return options;
        if (endPoint is not null && named == 0 && !isInsecure)
            problem = "--migrate-listen: other daemons are only heard with certificates (--tls-ca, --tls-cert, --tls-key) or, in a lab, with --insecure-migration";
        try
        {
            return options with
            {
                MigrationEndPoint = endPoint,
                MigrationSecurity = named == 3 ? StreamSecurity.LoadMutualTls(authority!, certificate!, key!) : null,
                AllowsInsecureMigration = isInsecure,
                StateDirectory = result.GetValue(_state) ?? DefaultStateDirectory(),
            };
        }
        catch (HostStreamException e)
        {
            problem = e.Message;
            return options;
        }
    }

    private static string DefaultStateDirectory()
    {
        if (Environment.IsPrivilegedProcess)
            return "/var/lib/vrdma";
        string? state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return Path.Combine(string.IsNullOrEmpty(state) ? Path.Combine(home, ".local", "state") : state, "vrdma");
    }

    private static bool TryReadEndPoint(string? text, out IPEndPoint? endPoint, ref string? problem)
    {
        endPoint = null;
        if (text is null)
            return true;
        bool hasPort = text.Contains(']', StringComparison.Ordinal) ? !text.EndsWith(']') : text.Count(letter => letter == ':') == 1;
        string whole = hasPort ? text : string.Create(CultureInfo.InvariantCulture, $"{(text.Contains(':', StringComparison.Ordinal) && text[0] != '[' ? $"[{text}]" : text)}:{ChannelProtocol.MigrationPort}");
        if (!IPEndPoint.TryParse(whole, out endPoint))
            problem = $"--migrate-listen: '{text}' is not an IP address with or without a port";
        return problem is null;
    }
}
