using VerbsPrograms.Tests.Support;

namespace VerbsPrograms.Tests;

/// <summary>Debian's <c>ibv_devices</c> and <c>ibv_devinfo</c> on a machine whose kernel has no RDMA.</summary>
public sealed class DeviceProgramTests(PublishedLibrary library)
{
    private const string Package = "ibverbs-utils";

    [Fact]
    public async Task The_device_is_listed_with_its_guid()
    {
        await library.DirectoryAsync();
        ProgramResult result = await ProgramRun.RunWithDeviceAsync(["--address", "127.65.3.9"], Optional.Program("ibv_devices", Package));
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Matches(@"vrdma0\s+0200ffff7f410309", result.Output);
    }

    [Fact]
    public async Task All_attributes_and_the_gid_are_told()
    {
        await library.DirectoryAsync();
        ProgramResult result = await ProgramRun.RunWithDeviceAsync(["--address", "127.65.3.10"], Optional.Program("ibv_devinfo", Package), "-v");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Matches(@"state:\s+PORT_ACTIVE \(4\)", result.Output);
        Assert.Matches(@"active_mtu:\s+4096 \(5\)", result.Output);
        Assert.Matches(@"link_layer:\s+Ethernet", result.Output);
        Assert.Matches(@"max_qp:\s+32768", result.Output);
        Assert.Matches(@"atomic_cap:\s+ATOMIC_HCA \(1\)", result.Output);
        Assert.Matches(@"GID\[\s+0\]:\s+::ffff:127\.65\.3\.10, RoCE v2", result.Output);
    }

    [Fact]
    public async Task An_IPv6_address_is_the_gid_itself()
    {
        await library.DirectoryAsync();
        Assert.SkipUnless(System.Net.Sockets.Socket.OSSupportsIPv6, "this machine has no IPv6");
        ProgramResult result = await ProgramRun.RunWithDeviceAsync(["--address", "::1"], Optional.Program("ibv_devinfo", Package), "-v");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Matches(@"GID\[\s+0\]:\s+::1, RoCE v2", result.Output);
    }

    [Fact]
    public async Task An_address_of_another_machine_is_told_in_words()
    {
        await library.DirectoryAsync();
        ProgramResult result = await ProgramRun.RunWithDeviceAsync(["--address", "192.0.2.1"], Optional.Program("ibv_devices", Package));
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("vrdma: cannot open a device at 192.0.2.1: it is not an address of this machine", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_named()
    {
        await library.DirectoryAsync();
        ProgramResult result = await ProgramRun.RunWithDeviceAsync([], "no-such-program");
        Assert.Equal(127, result.ExitCode);
        Assert.Equal("vrdma: cannot run no-such-program: there is no such program", result.Errors.Trim());
    }

    [Fact]
    public async Task The_programs_exit_code_is_that_of_the_command()
    {
        await library.DirectoryAsync();
        ProgramResult result = await ProgramRun.RunWithDeviceAsync([], "sh", "-c", "exit 42");
        Assert.Equal(42, result.ExitCode);
    }

    [Fact]
    public async Task A_program_finds_files_of_its_device_that_others_do_not_see()
    {
        await library.DirectoryAsync();
        Assert.SkipWhen(File.Exists(DeviceFile), "this machine has such a device");
        await ProgramRun.RequireDeviceFilesOrSkipAsync();
        ProgramResult result = await ProgramRun.RunWithDeviceAsync(
            [], "sh", "-c", $"test -c {DeviceFile} && test -w {DeviceFile} && test -c /dev/zero && ls /dev | wc -l && echo > /dev/null");
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.InRange(int.Parse(result.Output, System.Globalization.CultureInfo.InvariantCulture), Directory.GetFileSystemEntries("/dev").Length, int.MaxValue);
        Assert.False(File.Exists(DeviceFile));
        ProgramResult plain = await ProgramRun.RunWithDeviceAsync(["--no-device-files"], "test", "-e", DeviceFile);
        Assert.Equal(1, plain.ExitCode);
    }

    [Fact]
    public async Task A_user_who_may_not_mount_finds_them_and_stays_that_user()
    {
        await library.DirectoryAsync();
        Assert.SkipWhen(File.Exists(DeviceFile), "this machine has such a device");
        Assert.SkipUnless(Environment.UserName == "root", "only root can become another user");
        string setpriv = Optional.Program("setpriv", "util-linux");
        string[] nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
        ProgramResult may = await ProgramRun.RunAsync(setpriv, [.. nobody, "unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "--", ProgramRun.Tool, "--help"]);
        Assert.SkipUnless(may.ExitCode == 0, $"another user cannot have a user namespace here, or not run the command: {may.Errors}");
        ProgramResult result = await ProgramRun.RunAsync(
            setpriv, [.. nobody, ProgramRun.Tool, "run", "--", "sh", "-c", $"test -c {DeviceFile} && id -u && grep CapEff /proc/self/status"]);
        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Matches(@"^65534\s+CapEff:\s+0+\s+$", result.Output);
    }

    private const string DeviceFile = "/dev/infiniband/uverbs0";
}
