using RoceEngine.Interop;

namespace RoceEngine.SideBySide;

/// <summary>
/// Spins, and after too long in vain lets others run: where the machine has fewer free cores than the measurement has threads, the one
/// that is waited for would not run otherwise. On a quiet machine it only spins.
/// </summary>
/// <param name="spinsBeforeYield">Tries in vain before each lets others run; well above what the wait takes on a quiet machine.</param>
internal struct Patience(int spinsBeforeYield)
{
    /// <summary>For tries that cost a nanosecond or so.</summary>
    public const int MemorySpins = 50_000;

    /// <summary>For tries that cost a system call.</summary>
    public const int SystemCallSpins = 200;

    private int _spins;

    /// <summary>A try in vain.</summary>
    public void Wait()
    {
        if (++_spins > spinsBeforeYield)
            _ = Scheduling.Yield();
    }

    /// <summary>A try that was not in vain.</summary>
    public void Reset() => _spins = 0;
}
