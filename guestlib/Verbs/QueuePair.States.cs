using RoceEngine.Abi;
using RoceEngine.Verbs.Internals;

namespace RoceEngine.Verbs;

/// <content>Modify and query.</content>
public sealed unsafe partial class QueuePair
{
    /// <summary>Changes state and attributes. <c>ibv_modify_qp</c>.</summary>
    /// <param name="attributes">Values; only those named by <paramref name="mask"/> are looked at.</param>
    /// <param name="mask">Which ones.</param>
    /// <exception cref="VerbsException">EINVAL: the state table does not allow it, or a value is out of range. Nothing changed.</exception>
    public void Modify(in QueuePairAttributes attributes, QueuePairAttributeMask mask)
    {
        var command = new PvrdmaModifyQp { QpHandle = Handle, AttributeMask = (uint)mask, Attributes = QueuePairConversion.ToAbi(in attributes, mask) };
        lock (_driver.CommandLock)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            _ = _driver.Execute<PvrdmaModifyQp, PvrdmaHandleResponse>(PvrdmaCommand.ModifyQp, command, "ibv_modify_qp");
            if ((mask & QueuePairAttributeMask.State) == 0)
            {
                return;
            }

            if (attributes.State == QueuePairState.Reset)
            {
                // Before the state: a failed completion polled meanwhile would mark the QP as failed.
                RemoveCompletions();
                _sends.Reset();
                _receives.Reset();
            }

            _state = attributes.State;
        }
    }

    /// <summary>What the QP was made with, as it was granted. The second half of <c>ibv_query_qp</c>.</summary>
    public QueuePairOptions Options => new()
    {
        SendCompletionQueue = SendCompletionQueue,
        ReceiveCompletionQueue = ReceiveCompletionQueue,
        SharedReceiveQueue = SharedReceiveQueue,
        SendDepth = SendDepth,
        ReceiveDepth = ReceiveDepth,
        SendSges = SendSges,
        ReceiveSges = ReceiveSges,
        InlineBytes = InlineBytes,
        SignalAll = SignalAll,
        Type = Type,
    };

    /// <summary>All attributes as the device has them; the sizes are <see cref="Options"/>. <c>ibv_query_qp</c>.</summary>
    public QueuePairAttributes Query()
    {
        lock (_driver.CommandLock)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            PvrdmaQpAttributes queried = _driver.Execute<PvrdmaQueryQp, PvrdmaQueryQpResponse>(
                PvrdmaCommand.QueryQp, new PvrdmaQueryQp { QpHandle = Handle, AttributeMask = uint.MaxValue }, "ibv_query_qp").Attributes;
            _state = (QueuePairState)queried.State;
            return QueuePairConversion.FromAbi(in queried);
        }
    }
}
