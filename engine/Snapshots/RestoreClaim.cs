namespace RoceEngine.Snapshots;

/// <summary>What the ledger says of a snapshot that shall be restored.</summary>
public enum RestoreClaim
{
    /// <summary>Never restored from here, and no newer life of the device is known: it may go on where it stopped.</summary>
    First,

    /// <summary>Restored before: its sequence numbers may have been used already.</summary>
    AlreadyRestored,

    /// <summary>The device ran in a later epoch than the snapshot's.</summary>
    OlderThanKnown,
}
