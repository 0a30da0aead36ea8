namespace RoceEngine.Device;

/// <content>What the device writes to guest memory while that is copied. On the device's thread, between turns.</content>
public sealed unsafe partial class VrdmaDevice
{
    /// <summary>Version of the layout of <see cref="SaveState"/>.</summary>
    public const int StateVersion = DeviceState.Version;

    /// <summary>True between <see cref="StartDirtyLog"/> and <see cref="StopDirtyLog"/>.</summary>
    public bool KeepsDirtyLog => _core.DirtyLog is not null;

    /// <summary>From now on the device keeps a log of the pages that it writes.</summary>
    public void StartDirtyLog() => _core.DirtyLog = new DirtyLog(_core.Ram);

    /// <summary>Ends the log.</summary>
    public void StopDirtyLog() => _core.DirtyLog = null;

    /// <summary>The pages written since the last call, a bit each; they may be written again at once.</summary>
    public ulong[] TakeDirtyPages() => _core.DirtyLog!.Take();

    /// <summary>As <see cref="TakeDirtyPages"/>, with the pages in which the device keeps indices. Before it stands still for good, and nothing is written after.</summary>
    public ulong[] TakeLastDirtyPages()
    {
        DirtyLog log = _core.DirtyLog!;
        PublishCompletions();
        _core.MarkIndices();
        if (_hasRegion && _core.Ram.TryResolve(_regionAddress, 1, out byte* region))
        {
            log.Mark(region, sizeof(Abi.PvrdmaDeviceSharedRegion));
        }

        _commands.MarkSlots(log);
        return log.Take();
    }
}
