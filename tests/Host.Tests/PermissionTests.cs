using System.Runtime.InteropServices;
using RoceEngine.Channel;
using RoceEngine.Interop;

namespace RoceEngine.Host.Tests;

public partial class PermissionTests
{
    private const uint Nobody = 65_534;

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long SystemCall(long number, long first, long second, long third);

    [Fact]
    public void A_user_who_is_not_permitted_is_refused_with_the_reason()
    {
        Assert.SkipUnless(Scheduling.GetEffectiveUserId() == 0, "only root can become somebody else");
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "the number of the system call is that of x86-64");
        using var daemon = new TestDaemon(["127.12.21.1"]);

        // The directory is the tester's own; somebody else must be able to pass through it.
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(Path.GetDirectoryName(daemon.SocketPath)!, (UnixFileMode)0b111_101_101);
        ChannelRefusedException? refused = null;
        ChannelRefusedException? refusedRestored = null;
        Exception? other = null;
        var stranger = new Thread(() =>
        {
            // The plain system call changes this thread alone, which ends below.
            const long setResUid = 117;
            try
            {
                Assert.Equal(0, SystemCall(setResUid, -1, Nobody, -1));
                using DaemonConnection connection = DaemonConnection.Open(daemon.SocketPath);
                using DaemonConnection another = DaemonConnection.Open(daemon.SocketPath);
                refusedRestored = Assert.Throws<ChannelRefusedException>(() => another.AttachRestored("vrdma0"));
                refused = Assert.Throws<ChannelRefusedException>(() => connection.Attach(new AttachRequest { MemoryBytes = 1 << 20 }));
            }
            catch (Exception e)
            {
                other = e;
            }
        });
        stranger.Start();
        stranger.Join();
        Assert.Null(other);
        Assert.Contains($"user {Nobody} ", refused!.Message);
        Assert.Contains("not permitted", refused.Message);
        Assert.Equal(refused.Message, refusedRestored!.Message);
        using DaemonConnection mine = DaemonConnection.Open(daemon.SocketPath);
        Assert.Empty(mine.ListDevices());
    }
}
