namespace RoceEngine.Protocol;

/// <summary>
/// The datapath looks, here and there, at whether its device is about to move: that it notes what it writes, begins nothing new, owes its peers a notice, or
/// was asked to wait by one. A build with the property WithoutMigration leaves that out; it is there to be compared with, see perf/Migration.
/// </summary>
public static class MovingChecks
{
#if WITHOUT_MIGRATION
    public const bool AreIn = false;
#else
    /// <summary>True in all builds that can move a device.</summary>
    public const bool AreIn = true;
#endif
}
