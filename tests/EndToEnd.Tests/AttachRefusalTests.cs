using System.Net;
using EndToEnd.Tests.Support;
using RoceEngine.Channel;
using RoceEngine.Launching;
using RoceEngine.Verbs;
using RoceEngine.Vrdma.Demo;

namespace EndToEnd.Tests;

/// <summary>Guests that a daemon must not take; each hears why.</summary>
public sealed class AttachRefusalTests
{
    [Fact]
    public async Task Another_version_of_the_shared_layout_is_refused_with_both_versions()
    {
        await using Daemon daemon = await Daemon.StartAsync("127.14.30.2");
        using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
        int other = ChannelProtocol.AbiVersion + 1;

        ChannelRefusedException refusal = Assert.Throws<ChannelRefusedException>(
            () => connection.Attach(new AttachRequest { AbiVersion = other }));

        Assert.Contains($"{other}", refusal.Message, StringComparison.Ordinal);
        Assert.Contains($"{ChannelProtocol.AbiVersion}", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(daemon.Devices());
    }

    [Fact]
    public async Task An_address_of_nobody_or_of_another_guest_is_refused_by_name()
    {
        await using Daemon daemon = await Daemon.StartAsync("127.14.31.2");
        await using GuestProcess guest = await daemon.StartGuestAsync("127.14.31.2");

        VerbsException foreign = Assert.Throws<VerbsException>(() => Attach(daemon, "127.14.31.99"));
        Assert.Contains("127.14.31.99", foreign.Message, StringComparison.Ordinal);
        VerbsException taken = Assert.Throws<VerbsException>(() => Attach(daemon, "127.14.31.2"));
        Assert.Contains("127.14.31.2 is in use", taken.Message, StringComparison.Ordinal);
        Assert.Single(daemon.Devices());
    }

    [Fact]
    public async Task A_refused_guest_process_ends_with_the_reason()
    {
        await using Daemon daemon = await Daemon.StartAsync("127.14.32.2");

        ToolResult result = await Tool.RunAsync(["guest", "--socket", daemon.SocketPath, "--address", "127.14.32.77"]);

        Assert.Equal(1, result.ExitCode);
        Assert.Equal(1, result.Errors.Count(c => c == '\n'));
        Assert.Contains("127.14.32.77", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_user_who_is_not_permitted_is_refused_until_named()
    {
        Optional.Root();
        string setpriv = Optional.Program("setpriv");
        const int nobody = 65534;
        ProgramPath vrdma = ProgramPath.Find("vrdma");
        ProgramPath asNobody = new(setpriv, [$"--reuid={nobody}", $"--regid={nobody}", "--clear-groups", vrdma.FileName, .. vrdma.Arguments]);
        Dictionary<string, string> home = new() { ["HOME"] = "/nonexistent", ["DOTNET_CLI_HOME"] = "/nonexistent" };
        ToolResult probe = await Tool.RunAsync(asNobody, ["--version"], home);
        Assert.SkipUnless(probe.ExitCode == 0, $"user {nobody} may not run {vrdma.FileName}");

        await using Daemon strict = await Daemon.StartAsync("127.14.33.2");
        OpenToAll(strict);
        ToolResult refused = await Tool.RunAsync(asNobody, ["devices", "--socket", strict.SocketPath], home);
        Assert.Equal(1, refused.ExitCode);
        Assert.Equal(1, refused.Errors.Count(c => c == '\n'));
        Assert.Contains($"user {nobody}", refused.Errors, StringComparison.Ordinal);
        Assert.Contains("not permitted", refused.Errors, StringComparison.Ordinal);

        await using Daemon open = await Daemon.StartAsync(ProgramPath.Find("vrdmad"), ["127.14.33.3"], "--allow-uid", $"{nobody}");
        OpenToAll(open);
        ToolResult granted = await Tool.RunAsync(asNobody, ["devices", "--socket", open.SocketPath], home);
        Assert.True(granted.ExitCode == 0, granted.ToString());
    }

    private static void Attach(Daemon daemon, string address) =>
        RdmaContext.Attach(new AttachOptions { SocketPath = daemon.SocketPath, Address = IPAddress.Parse(address), MemoryBytes = 4 << 20 }).Dispose();

    /// <summary>The directory of a test is its user's own; here the daemon shall judge, not the file system.</summary>
    private static void OpenToAll(Daemon daemon) => File.SetUnixFileMode(
        daemon.Directory,
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
}
