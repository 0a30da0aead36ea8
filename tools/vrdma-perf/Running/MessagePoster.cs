using RoceEngine.PerfTool.Exchange;
using RoceEngine.PerfTool.Options;
using RoceEngine.Verbs;

namespace RoceEngine.PerfTool.Running;

/// <summary>Posts a test's messages on one queue pair: what differs between the verbs is decided here, once per size.</summary>
internal sealed class MessagePoster
{
    /// <summary>Marks the work request id of a receive; the rest is the queue pair's index.</summary>
    public const ulong ReceiveMark = 1UL << 32;

    /// <summary>Neighbouring small messages do not share a cache line.</summary>
    private const int CacheLineBytes = 64;

    private readonly QueuePair _pair;
    private readonly PerfOptions _options;
    private readonly ulong _localBase;
    private readonly ulong _receiveBase;
    private readonly ulong _remoteBase;
    private readonly uint _localKey;
    private readonly SharedReceiveQueue? _sharedReceives;
    private readonly uint _wholeBuffer;
    private readonly int _inlineBytes;
    private readonly int _index;
    private SendRequest _request;
    private ScatterGatherEntry _entry;
    private SendFlags _flags;
    private uint _stepBytes;
    private uint _offset;
    private uint _receiveOffset;

    /// <summary>Receives posted that no message took.</summary>
    public int OpenReceives { get; private set; }

    public MessagePoster(Endpoint endpoint, int index, PeerQueuePair peer, PerfOptions options)
    {
        _pair = endpoint.Pairs[index];
        _options = options;
        _index = index;
        _localBase = endpoint.SendAddress(index);
        _receiveBase = endpoint.ReceiveAddress(index);
        _remoteBase = peer.Address;
        _localKey = endpoint.RegionOf(index).LocalKey;
        _inlineBytes = endpoint.InlineBytes;
        _request.RemoteKey = peer.RemoteKey;
        _sharedReceives = endpoint.SharedReceives;
        _wholeBuffer = options.IsLossy ? (uint)endpoint.BufferBytes : 0;
        if (options.IsDatagram)
            (_request.Destination, _request.RemoteQueuePair, _request.RemoteQueueKey) = (endpoint.Destination, peer.Number, Endpoint.QueueKey);
    }

    public QueuePair Pair => _pair;

    /// <summary>Starts over with messages of another size.</summary>
    public void Prepare(int sizeBytes)
    {
        bool atomic = _options.Test.Verb == PerfVerb.Atomic;
        _request.WorkRequestId = (ulong)_index;
        _request.Opcode = _options.Test.Verb switch
        {
            PerfVerb.Send => SendOpcode.Send,
            PerfVerb.Write => SendOpcode.Write,
            PerfVerb.Read => SendOpcode.Read,
            _ => _options.Atomic == AtomicKind.FetchAndAdd ? SendOpcode.FetchAdd : SendOpcode.CompareSwap,
        };
        _request.RemoteAddress = _remoteBase;
        _request.CompareAdd = 1;
        _request.Swap = 0;
        _entry = new ScatterGatherEntry(_localBase, (uint)sizeBytes, _localKey);
        _flags = sizeBytes <= _inlineBytes && !_options.Test.IsResponse ? SendFlags.Inline : SendFlags.None;
        _offset = _receiveOffset = 0;
        // As perftest does: small messages wander through a page, unless what arrives must be found again.
        bool wanders = _options.Test.IsBandwidth && !_options.Verify && _options.PostList == 1 && sizeBytes <= Endpoint.MinimumBufferBytes / 2;
        int stride = (Math.Max(sizeBytes, 1) + CacheLineBytes - 1) / CacheLineBytes * CacheLineBytes;
        _stepBytes = wanders ? (uint)stride : 0;
        if (atomic && _options.Verify && _options.Atomic == AtomicKind.CompareAndSwap)
            (_request.CompareAdd, _request.Swap) = (0, 1);
    }

    /// <summary>Posts the next message.</summary>
    public void Post(bool signaled)
    {
        _entry.Address = _localBase + _offset;
        _request.RemoteAddress = _remoteBase + _offset;
        _request.Flags = signaled ? _flags | SendFlags.Signaled : _flags;
        _pair.PostSend(_request, _entry);
        if (_stepBytes != 0)
            _offset = Advance(_offset);
        else if (_options.Verify && _request.Opcode == SendOpcode.CompareSwap)
            (_request.CompareAdd, _request.Swap) = (_request.Swap, _request.Swap + 1);
    }

    /// <summary>Posts a receive for a message of the prepared size; where messages get lost, for any, since it may outlive the size.</summary>
    public void PostReceive()
    {
        ScatterGatherEntry entry = _wholeBuffer != 0
            ? new(_receiveBase, _wholeBuffer, _localKey)
            : new(_receiveBase + _receiveOffset, _entry.Length, _localKey);
        if (_sharedReceives is null)
            _pair.PostReceive(ReceiveMark | (uint)_index, entry);
        else
            _sharedReceives.PostReceive(ReceiveMark | (uint)_index, entry);
        OpenReceives++;
        if (_stepBytes != 0)
            _receiveOffset = Advance(_receiveOffset);
    }

    /// <summary>A message took a receive.</summary>
    public void OnReceived() => OpenReceives--;

    private uint Advance(uint offset)
    {
        uint next = offset + _stepBytes;
        return next + _entry.Length > Endpoint.MinimumBufferBytes ? 0 : next;
    }
}
