namespace RoceEngine.Protocol;

/// <summary>
/// The responder's part of a device's state. Copies of requests beyond a hole are no part of it: they are lost like packets on the way, and
/// the next one that comes too early asks for the hole again.
/// </summary>
internal sealed unsafe partial class RcResponder
{
    /// <summary>What it is in the middle of.</summary>
    public QueuePairActivity Activity =>
        (_message != MessageKind.None ? QueuePairActivity.ReceivesMessage : QueuePairActivity.None)
        | (_resources is { HasPending: true } ? QueuePairActivity.OwesResponses : QueuePairActivity.None);

    /// <summary>Saves, or loads into a responder that was just made.</summary>
    public void Transfer(StateCursor state)
    {
        state.Number(ref _expectedPsn);
        state.Value(ref _messageSequenceNumber);
        bool resendRequested = state.Flag(_resendRequested && _notReadyUntilNs != 0);
        state.Time(ref _notReadyUntilNs);
        state.Flag(ref _communicationEstablished);
        state.Flag(ref _closing);
        _acknowledgement.Transfer(state);
        state.Value(ref _message);
        state.Value(ref _messageBytes);
        state.Value(ref _writeKey);
        state.Value(ref _writeRemaining);
        state.Value(ref _writeAddress);
        if (state.Flag(_receive != null))
        {
            _receive = _receive == null ? Slots.Take(state.NowNs) : _receive;
            SharedState.Transfer(state, ref _receive->Request);
        }

        ReadAtomicResources.Transfer(state, ref _resources, _qp.MtuShift);
        if (state.IsLoading)
        {
            _messageSequenceNumber &= Wire.Psn.Modulus - 1;
            _resendRequested = resendRequested;
            state.Check(_message is MessageKind.None or MessageKind.Write || (_message == MessageKind.Send && _receive != null), "a message in progress has no receive request");
        }
    }
}
