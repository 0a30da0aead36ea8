using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <content>Queue pairs: new ones, or one that was reset, under its old number while packets of its earlier life may still be about.</content>
internal sealed partial class ConnectionEnd
{
    private bool _isReset;
    private bool _hadPsn;

    private void TakeQueuePair()
    {
        if (_isReset && HasMemory)
        {
            // Events of the life before go to nobody.
            Guest.PollAll();
            _connection.Tally.Reused++;
        }
        else
        {
            _pair = MakeQueuePair();
        }
        _isReset = false;
    }

    private QueuePair MakeQueuePair() => Guest.Domain.CreateQueuePair(new QueuePairOptions
    {
        SendCompletionQueue = Guest.Queue(_plan.SendQueue),
        ReceiveCompletionQueue = Guest.Queue(_plan.ReceiveQueue),
        SendDepth = _plan.SendDepth,
        ReceiveDepth = _plan.UsesSharedReceives ? 0 : _plan.ReceiveDepth,
        SendSges = _plan.SendSges,
        ReceiveSges = _plan.ReceiveSges,
        InlineBytes = _plan.InlineBytes,
        Type = _connection.Plan.Service,
        SharedReceiveQueue = _plan.UsesSharedReceives ? Guest.SharedReceives.Queue : null,
    });

    /// <summary>Any number, often just before the wrap; later far from the one before, so that a late packet is none of the new ones.</summary>
    private uint DrawPsn()
    {
        uint first = _dice.Chance(0.3) ? 0xFF_FFF0u + (uint)_dice.Between(0, 15) : (uint)_dice.Between(0, 0xFF_FFFF);
        uint next = (Psn + (uint)_dice.Between(1 << 20, 15 << 20)) & 0xFF_FFFF;
        uint drawn = _hadPsn ? next : first;
        _hadPsn = true;
        return drawn;
    }
}
