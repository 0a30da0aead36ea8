namespace Hostile.Tests.Arenas;

/// <summary>Where an attack takes place.</summary>
public enum ArenaKind
{
    /// <summary>Device models alone, guest memory between guard pages, packets handed over as fields.</summary>
    Devices,

    /// <summary>Whole devices of one worker: packets go by memory copy.</summary>
    OneHost,

    /// <summary>Two workers with a simulated network between them: packets are encoded and decoded.</summary>
    TwoHosts,
}
