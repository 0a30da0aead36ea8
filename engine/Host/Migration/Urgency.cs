using RoceEngine.Interop;

namespace RoceEngine.Host.Migration;

/// <summary>
/// While a device stands still, every wait for a core is a part of its blackout: an asynchronous method that has begun to be urgent goes before all others
/// on whatever thread it runs, until it returns; and so do the threads that it asks for something, until that is done. Where the process may not do this
/// (see <see cref="ThreadUrgency.RealTime"/>), it takes its turn.
/// </summary>
internal static class Urgency
{
    private static readonly AsyncLocal<bool> s_isOn = new(change => _ = ThreadScheduling.TrySet(0, change.CurrentValue ? ThreadUrgency.RealTime : ThreadUrgency.Brief));

    /// <summary>What runs now is urgent.</summary>
    public static bool IsOn => s_isOn.Value;

    /// <summary>The calling method is urgent from here on; a method that is not asynchronous, until <see cref="End"/>.</summary>
    public static void Begin() => s_isOn.Value = true;

    public static void End() => s_isOn.Value = false;
}
