using RoceEngine.SideBySide.Daemons;

namespace RoceEngine.SideBySide;

/// <summary>The processes that measurements share; each is started when the first asks for it.</summary>
internal sealed class Stage : IDisposable
{
    private DaemonWorld? _overUdp;
    private DaemonWorld? _local;

    /// <summary>Two daemons that talk over UDP.</summary>
    public DaemonWorld OverUdp => _overUdp ??= DaemonWorld.OverUdp();

    /// <summary>One daemon with two guests.</summary>
    public DaemonWorld Local => _local ??= DaemonWorld.Local();

    public void Dispose()
    {
        _overUdp?.Dispose();
        _local?.Dispose();
    }
}
