using System.Runtime.CompilerServices;

namespace RoceEngine.Verbs.Internals;

/// <summary>
/// A mutual exclusion for a few instructions, without allocation or system call when free. Not re-entrant. A mutable struct: keep it in a
/// field and never copy it.
/// </summary>
internal struct SpinGate
{
    private int _held;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enter()
    {
        if (Interlocked.CompareExchange(ref _held, 1, 0) != 0)
        {
            EnterAfterSpinning();
        }
    }

    /// <summary>Release store: what was done inside is visible to the next one in.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Exit() => Volatile.Write(ref _held, 0);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void EnterAfterSpinning()
    {
        var wait = default(SpinWait);
        do
        {
            // Yields the core soon: the holder may have been descheduled. Never sleeps a whole millisecond.
            wait.SpinOnce(sleep1Threshold: -1);
        }
        while (Volatile.Read(ref _held) != 0 || Interlocked.CompareExchange(ref _held, 1, 0) != 0);
    }
}
