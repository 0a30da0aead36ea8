using System.Net;

namespace RoceEngine.ConnectionManager.Protocol;

/// <content>Requests for services that nobody listens to yet.</content>
/// <remarks>
/// Programs agree elsewhere to connect, and then one listens while the other asks; perftest does, and cannot ask again once it was refused. What has no
/// listener is refused a moment later, unless one comes meanwhile. The time is short for one who is refused, and long for one who is about to listen.
/// </remarks>
public sealed partial class ConnectionCore
{
    private const long EarlyNs = 300_000_000;

    /// <summary>More are refused at once.</summary>
    private const int EarlyMax = 64;

    private readonly List<CmEarlyRequest> _early = [];

    /// <summary>Keeps a request that has no listener; false when it has one, or is to be refused now.</summary>
    /// <param name="source">Who asks.</param>
    /// <param name="transaction">The same when the message comes again.</param>
    /// <param name="serviceId">What it asks for.</param>
    /// <param name="handle">Handles it when there is a listener, or no time left.</param>
    /// <param name="nowNs">The time.</param>
    private bool TryKeepEarly(IPAddress source, ulong transaction, ulong serviceId, Action<long> handle, long nowNs)
    {
        if (_listeners.ContainsKey(serviceId))
        {
            return false;
        }

        if (_early.Exists(early => early.Transaction == transaction && early.Peer.Equals(source)))
        {
            Counters.Duplicates++;
            return true;
        }

        if (_early.Count == EarlyMax)
        {
            return false;
        }

        CmEarlyRequest kept = new() { Peer = source, Transaction = transaction, ServiceId = serviceId, Handle = handle };
        _early.Add(kept);
        SetDeadline(kept, nowNs + EarlyNs);
        return true;
    }

    private void HandleEarly(ulong serviceId, long nowNs)
    {
        foreach (CmEarlyRequest early in _early.FindAll(early => early.ServiceId == serviceId))
        {
            HandleEarly(early, nowNs);
        }
    }

    private void HandleEarly(CmEarlyRequest early, long nowNs)
    {
        _ = _early.Remove(early);
        StopRepeating(early);
        early.Handle(nowNs);
    }

    private sealed class CmEarlyRequest : CmExchange
    {
        public required ulong ServiceId { get; init; }

        public required Action<long> Handle { get; init; }
    }
}
