using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>
/// The one acknowledgement that a responder owes: whatever came since the last transmission is answered by a single ACK, which is
/// cumulative, or by a NAK, which acknowledges all before it. IBTA vol. 1, 9.7.5.1.2.
/// </summary>
internal struct AckCoalescing
{
    /// <summary>True while an ACK or NAK is to be sent.</summary>
    public bool IsDue { get; private set; }

    public AethSyndrome Syndrome { get; private set; }

    public Psn Psn { get; private set; }

    /// <summary>Owes an ACK of everything up to a PSN, unless a NAK is due, which says more.</summary>
    public void Acknowledge(Psn upTo)
    {
        if (!IsDue || Syndrome.Kind == SyndromeKind.Ack)
        {
            Set(AethSyndrome.Ack(), upTo);
        }
    }

    /// <summary>Owes an RNR NAK or a NAK of the request at a PSN.</summary>
    public void Refuse(AethSyndrome syndrome, Psn at) => Set(syndrome, at);

    /// <summary>The request that a NAK asked for came before the NAK went: an ACK of all before remains due.</summary>
    public void Withdraw()
    {
        if (IsDue && Syndrome.Kind != SyndromeKind.Ack)
        {
            Set(AethSyndrome.Ack(), Psn - 1);
        }
    }

    /// <summary>A READ or atomic response of this PSN goes out, and acknowledges all before it.</summary>
    public void CoveredBy(Psn response)
    {
        if (IsDue && Syndrome.Kind == SyndromeKind.Ack && Psn.DistanceFrom(response) <= 0)
        {
            IsDue = false;
        }
    }

    /// <summary>It went out, or is not owed any more.</summary>
    public void Clear() => IsDue = false;

    /// <summary>What is owed, as part of a device's state.</summary>
    public void Transfer(StateCursor state)
    {
        IsDue = state.Flag(IsDue);
        Syndrome = new AethSyndrome(state.Value(Syndrome.Value));
        Psn psn = Psn;
        state.Number(ref psn);
        Psn = psn;
    }

    private void Set(AethSyndrome syndrome, Psn psn)
    {
        IsDue = true;
        Syndrome = syndrome;
        Psn = psn;
    }
}
