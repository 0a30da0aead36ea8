using System.Diagnostics;
using RoceEngine.Embedded;

namespace RoceEngine.Host.Tests;

/// <summary>Alone in the process while they run: what they measure is the processor time of the whole process.</summary>
[CollectionDefinition(nameof(AloneCollection), DisableParallelization = true)]
public sealed class AloneCollection;

[Collection(nameof(AloneCollection))]
public class IdleTests
{
    [Fact]
    public void Idle_embedded_hosts_sleep()
    {
        using Endpoint a = Endpoint.Embedded("127.12.8.1");
        using Endpoint b = Endpoint.Embedded("127.12.8.2", DriveMode.Inline);
        Endpoint.Connect(a, b);
        a.WriteAndVerify(b, 64, 1);
        using Process self = Process.GetCurrentProcess();
        Assert.True(LeastLoad(self, below: 0.02) < 0.02);
        a.WriteAndVerify(b, 64, 2);
    }

    [Fact]
    public void An_idle_daemon_takes_less_than_a_hundredth_of_a_core()
    {
        using var daemon = new DaemonProcess("--address", "127.12.8.3-127.12.8.4");
        daemon.ReadLine();
        using Endpoint a = Endpoint.Attached(daemon.SocketPath);
        using Endpoint b = Endpoint.Attached(daemon.SocketPath);
        Endpoint.Connect(a, b);
        a.WriteAndVerify(b, 64, 1);
        using Process process = Process.GetProcessById(daemon.Id);
        Assert.True(LeastLoad(process, below: 0.01) < 0.01);
        a.WriteAndVerify(b, 64, 2);
    }

    // Compilation in the background and the like end some time: the least of several looks is what counts.
    private static double LeastLoad(Process process, double below)
    {
        double least = double.MaxValue;
        for (int look = 0; look < 20 && least >= below; look++)
        {
            process.Refresh();
            TimeSpan before = process.TotalProcessorTime;
            long start = Stopwatch.GetTimestamp();
            Thread.Sleep(1000);
            process.Refresh();
            least = Math.Min(least, (process.TotalProcessorTime - before) / Stopwatch.GetElapsedTime(start));
        }
        return least;
    }
}
