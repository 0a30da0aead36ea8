using System.Diagnostics;
using RoceEngine.Interop;

namespace RoceEngine.Snapshots;

/// <summary>
/// Remembers on this host which snapshots were restored and the highest epoch in which each device ran, so that no device goes on twice
/// from the same sequence numbers. A small text file in the daemon's state directory; several processes may use it at once, each
/// change is durable when the call returns, and the newest 10,000 entries of each kind are kept. Whoever restores a device or lets it
/// go on after a snapshot gives it a higher epoch and records that: then an entry that was dropped is still covered by the epoch.
/// </summary>
/// <remarks>A damaged file is set aside under another name, which is reported; the ledger then begins anew.</remarks>
public sealed class RestoreLedger
{
    /// <summary>Name of the file in the state directory.</summary>
    public const string FileName = "restore-ledger";

    /// <summary>The most entries of each kind.</summary>
    public const int EntriesMax = 10_000;

    private const long FileBytesMax = 4 << 20;
    private const int RetryMs = 5;

    private readonly string _path;
    private readonly Action<string>? _report;
    private readonly TimeSpan _patience;
    private readonly int _entriesMax;

    /// <summary>Opens the ledger of a state directory, which is made if it is missing.</summary>
    /// <param name="stateDirectory">The directory.</param>
    /// <param name="report">Gets one sentence when a damaged file is set aside.</param>
    /// <exception cref="SnapshotException">The directory cannot be made.</exception>
    public RestoreLedger(string stateDirectory, Action<string>? report = null)
        : this(stateDirectory, report, TimeSpan.FromSeconds(5), EntriesMax)
    {
    }

    internal RestoreLedger(string stateDirectory, Action<string>? report, TimeSpan patience, int entriesMax)
    {
        ArgumentException.ThrowIfNullOrEmpty(stateDirectory);
        _path = Path.GetFullPath(Path.Combine(stateDirectory, FileName));
        _report = report;
        _patience = patience;
        _entriesMax = entriesMax;
        Guarded(() => Directory.CreateDirectory(stateDirectory));
    }

    /// <summary>
    /// Asks for the right to restore a snapshot as if nothing had happened. <see cref="RestoreClaim.First"/> is given once: the snapshot is
    /// remembered before the call returns. The other answers change nothing.
    /// </summary>
    /// <param name="identity">The device's identity.</param>
    /// <param name="snapshotId">The snapshot.</param>
    /// <param name="epoch">The snapshot's epoch; remembered as one in which the device ran.</param>
    /// <exception cref="SnapshotException">The ledger cannot be read, written or locked, or is of a newer version.</exception>
    public RestoreClaim TryClaim(Guid identity, Guid snapshotId, ulong epoch)
    {
        var claim = RestoreClaim.First;
        Change(entries =>
        {
            if (entries.IsRestored(identity, snapshotId))
                claim = RestoreClaim.AlreadyRestored;
            else if (entries.EpochOf(identity) > epoch)
                claim = RestoreClaim.OlderThanKnown;
            if (claim != RestoreClaim.First)
                return false;
            entries.AddRestored(identity, snapshotId);
            entries.RaiseEpoch(identity, epoch);
            return true;
        });
        return claim;
    }

    /// <summary>Remembers that a device runs in an epoch; the highest counts.</summary>
    /// <exception cref="SnapshotException">As for <see cref="TryClaim"/>.</exception>
    public void Record(Guid identity, ulong epoch) => Change(entries =>
    {
        if (entries.EpochOf(identity) >= epoch)
            return false;
        entries.RaiseEpoch(identity, epoch);
        return true;
    });

    private void Change(Func<LedgerEntries, bool> change) => Guarded(() =>
    {
        using FileStream held = Lock();
        LedgerEntries entries = Read();
        if (change(entries))
            Replace(entries.Write());
    });

    // FileShare.None is flock(2) here: it holds between processes and between two handles of one, and a crash releases it. The file
    // stays, since removing a lock file would let two holders in.
    private FileStream Lock()
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return DurableFiles.OpenPrivate(_path + ".lock", FileMode.OpenOrCreate, FileShare.None);
            }
            catch (IOException e) when (e.HResult == Errno.EAGAIN)
            {
                if (Stopwatch.GetElapsedTime(start) > _patience)
                    throw new SnapshotException($"The restore ledger {_path} is locked by another process.", e);
                Thread.Sleep(RetryMs);
            }
        }
    }

    private LedgerEntries Read()
    {
        if (!File.Exists(_path))
            return new LedgerEntries(_entriesMax);
        LedgerEntries? entries = new FileInfo(_path).Length <= FileBytesMax
            ? LedgerEntries.TryRead(File.ReadAllBytes(_path), _entriesMax)
            : null;
        return entries ?? BeginAnew();
    }

    private LedgerEntries BeginAnew()
    {
        string aside = $"{_path}.damaged-{DateTime.UtcNow:yyyyMMdd'T'HHmmssfff}";
        File.Move(_path, aside, overwrite: true);
        _report?.Invoke($"The restore ledger {_path} is damaged and was set aside as {aside}; " +
            "a new one begins, which does not know of earlier restores.");
        return new LedgerEntries(_entriesMax);
    }

    private void Replace(byte[] file)
    {
        string fresh = _path + ".new";
        using (FileStream stream = DurableFiles.OpenPrivate(fresh, FileMode.Create, FileShare.None))
        {
            stream.Write(file);
            stream.Flush(flushToDisk: true);
        }
        File.Move(fresh, _path, overwrite: true);
        DurableFiles.SynchronizeDirectory(DurableFiles.DirectoryOf(_path));
    }

    private void Guarded(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (SnapshotException.IsFileTrouble(e))
        {
            throw new SnapshotException($"The restore ledger {_path} cannot be used: {SnapshotText.Sentence(e.Message)}", e);
        }
    }
}
