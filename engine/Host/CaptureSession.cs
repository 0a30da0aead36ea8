using RoceEngine.Capture;
using RoceEngine.Channel;
using RoceEngine.Wire;

namespace RoceEngine.Host;

/// <summary>
/// A capture for one client: a tap in every worker, whose datagrams go to the client as pieces of a pcapng file. The conductor's
/// thread only; the workers see nothing of it but their taps.
/// </summary>
internal sealed class CaptureSession
{
    private const int RingBytes = 16 << 20;
    private const int PieceBytes = 256 * 1024;
    private const int UnsentBytesMax = 4 << 20;

    private readonly ControlClient _client;
    private readonly IReadOnlyList<Worker> _workers;
    private readonly CaptureTap[] _taps;
    private readonly Action<Action> _post;
    private readonly Action _onEnded;
    private readonly MemoryStream _piece = new();
    private CaptureWriter? _writer;
    private bool _isStopping;
    private bool _isUntapped;
    private bool _isAbandoned;
    private bool _isEnded;

    /// <param name="client">Who gets the file.</param>
    /// <param name="workers">Where to tap.</param>
    /// <param name="onlyDevice">The address of the one device to capture; null for all.</param>
    /// <param name="post">Brings an action to the conductor's thread.</param>
    /// <param name="onEnded">Called when the taps are gone.</param>
    public CaptureSession(ControlClient client, IReadOnlyList<Worker> workers, Gid? onlyDevice, Action<Action> post, Action onEnded)
    {
        _client = client;
        _workers = workers;
        _post = post;
        _onEnded = onEnded;
        _taps = [.. workers.Select(_ => new CaptureTap(RingBytes, onlyDevice))];
        TellWorkers((worker, tap) => worker.AddTap(tap), Begin);
    }

    private void Begin()
    {
        if (_isAbandoned)
            return;
        _client.Send(new DaemonReply { CaptureStarted = true });
        _writer = new CaptureWriter(_piece, leaveOpen: true);
        SendPiece();
    }

    /// <summary>Sends what the taps have taken, as far as the client keeps up, and the end when it is due.</summary>
    public void Pump()
    {
        if (_writer is null || _isAbandoned || _isEnded)
            return;
        bool drained = false;
        while (!drained && _client.UnsentBytes < UnsentBytesMax)
        {
            drained = FillPiece();
            SendPiece();
        }
        if (drained && _isUntapped)
            End();
    }

    /// <summary>Takes the taps away; what they have taken is still sent.</summary>
    public void BeginStop()
    {
        if (_isStopping)
            return;
        _isStopping = true;
        TellWorkers((worker, tap) => worker.RemoveTap(tap), FinishStop);
    }

    /// <summary>The client is gone: takes the taps away and forgets what they have taken.</summary>
    public void Abandon()
    {
        _isAbandoned = true;
        BeginStop();
        if (_isUntapped)
            Release();
    }

    private void FinishStop()
    {
        _isUntapped = true;
        if (_isAbandoned)
            Release();
        else
            Pump();
    }

    private void End()
    {
        long dropped = _taps.Sum(tap => tap.Dropped);
        _client.SendFrame([]);
        _client.Send(new DaemonReply { Captured = new CaptureSummary { Packets = _writer!.DatagramCount, Dropped = dropped } });
        _client.CloseWhenSent = true;
        Release();
    }

    private void Release()
    {
        if (_isEnded)
            return;
        _isEnded = true;
        foreach (CaptureTap tap in _taps)
            tap.Dispose();
        _writer?.Dispose();
        _onEnded();
    }

    // True when all rings were found empty.
    private bool FillPiece()
    {
        foreach (CaptureTap tap in _taps)
        {
            while (tap.TryPeek(out CapturedDatagram datagram, out ReadOnlySpan<byte> udpPayload, out ReadOnlySpan<byte> record))
            {
                _writer!.WriteDatagram(
                    datagram.Source,
                    datagram.Destination,
                    datagram.SourcePort,
                    datagram.Tos,
                    datagram.Identification,
                    udpPayload,
                    datagram.TimeNs,
                    datagram.IsOutgoing != 0 ? CaptureDirection.Outbound : CaptureDirection.Inbound);
                tap.Release(record);
                if (_piece.Length >= PieceBytes)
                    return false;
            }
        }
        return true;
    }

    private void SendPiece()
    {
        if (_piece.Length == 0)
            return;
        _client.SendFrame(_piece.GetBuffer().AsSpan(0, (int)_piece.Length));
        _piece.SetLength(0);
    }

    private void TellWorkers(Action<Worker, CaptureTap> tell, Action whenAllDid)
    {
        int waiting = _workers.Count;
        for (int i = 0; i < _workers.Count; i++)
        {
            CaptureTap tap = _taps[i];
            _workers[i].Post(new WorkerCommand((worker, _) => tell(worker, tap), _ => _post(() =>
            {
                if (--waiting == 0)
                    whenAllDid();
            })));
        }
    }
}
