namespace RoceEngine.Abi;

/// <summary>Versions of the contract between guest and device.</summary>
public static class AbiVersion
{
    /// <summary>Version of the channel between a process guest and its host: the control region and the extension. Compared at attach; any difference is refused.</summary>
    public const uint Current = 2;

    /// <summary>What <see cref="PvrdmaRegister.Version"/> reads: PVRDMA_QPHANDLE_VERSION, where a QPN and a QP handle are different numbers.</summary>
    public const uint Pvrdma = 20;
}
