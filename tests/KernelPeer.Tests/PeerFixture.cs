using RoceEngine.KernelPeer.Cells;
using RoceEngine.KernelPeer.Machine;

namespace KernelPeer.Tests;

/// <summary>The virtual machine, booted for the first test that needs it and ended after the last. Tests are skipped unless somebody asked for them.</summary>
public sealed class PeerFixture : IAsyncDisposable
{
    private const string Variable = "VRDMA_KERNEL_PEER";
    private const string Emulator = "qemu-system-x86_64";

    private KernelMachine? _machine;
    private KernelPeerException? _unavailable;
    private int _loses;

    /// <summary>Runs cells one after the other; each of them must be right.</summary>
    internal async Task EachIsRightAsync(IEnumerable<Cell> cells)
    {
        KernelMachine machine = await MachineAsync();
        List<string> failures = [];
        foreach (Cell cell in cells)
        {
            if (cell.LossOneIn != _loses)
                await machine.LoseAsync(cell.LossOneIn, TestContext.Current.CancellationToken);
            _loses = cell.LossOneIn;
            CellResult result = await CellRun.RunAsync(machine, cell, TestContext.Current.CancellationToken);
            if (result.Failure is not null)
                failures.Add($"{cell}: {result.Failure}");
        }

        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
    }

    public async ValueTask DisposeAsync()
    {
        if (_machine is not null)
            await _machine.DisposeAsync();
    }

    private async Task<KernelMachine> MachineAsync()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable(Variable) is "1", $"tests against a kernel run when {Variable} is 1, see tests/KernelPeer.Tests/run");
        Assert.SkipUnless(IsInstalled(Emulator), $"{Emulator} is not installed (perf/KernelPeer/Rig/rig install)");
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "a network namespace needs root");
        try
        {
            if (_unavailable is null)
                return _machine ??= await KernelMachine.StartAsync(TestContext.Current.CancellationToken);
        }
        catch (KernelPeerException failure) when (failure.IsRefused)
        {
            _unavailable = failure;
        }

        Assert.Skip(_unavailable.Message);
        return null!;
    }

    private static bool IsInstalled(string program) => $"{Environment.GetEnvironmentVariable("PATH")}:/usr/bin"
        .Split(':', StringSplitOptions.RemoveEmptyEntries).Any(directory => File.Exists(Path.Join(directory, program)));
}
