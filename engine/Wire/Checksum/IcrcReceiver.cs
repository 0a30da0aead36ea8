namespace RoceEngine.Wire;

/// <summary>
/// The ICRC check of a receiving link: <see cref="IcrcVerifier"/>, and a memory of the IPv4 senders that leave the DF bit clear, which
/// the ICRC covers and a socket does not show.
/// </summary>
/// <remarks>
/// A datagram whose ICRC fits with DF clear is dropped until <see cref="DatagramsToLearn"/> of them have come from that address
/// without one with DF set between them: a peer that leaves DF clear is understood after as many retransmissions, while damage to the
/// datagrams of a peer that sets it, rare as it is, does not pass for another habit. Remembers few senders, and the latest ones.
/// Not safe for threads; one per link. Allocates nothing after construction.
/// </remarks>
public sealed class IcrcReceiver
{
    /// <summary>Datagrams with DF clear that teach the receiver a sender's habit; these are dropped.</summary>
    public const int DatagramsToLearn = 3;

    private const int SenderCount = 64;

    private readonly Gid[] _senders = new Gid[SenderCount];
    private readonly byte[] _seen = new byte[SenderCount];
    private int _learnedCount;

    /// <summary>True when the ICRC fits.</summary>
    /// <param name="source">Source address.</param>
    /// <param name="destination">Destination address, of the same family.</param>
    /// <param name="sourcePort">UDP source port; the destination port is 4791.</param>
    /// <param name="udpPayload">The whole UDP payload, ICRC included.</param>
    /// <param name="identification">The IPv4 identification, recovered; 0 for IPv6.</param>
    public bool TryVerify(
        in Gid source, in Gid destination, ushort sourcePort, ReadOnlySpan<byte> udpPayload, out ushort identification)
    {
        if (!IcrcVerifier.TryVerify(source, destination, sourcePort, udpPayload, out identification, out bool dontFragment))
        {
            return false;
        }

        if (dontFragment)
        {
            if (_learnedCount != 0)
            {
                Forget(source);
            }

            return true;
        }

        return IsKnownToLeaveClear(source);
    }

    /// <summary>
    /// <see cref="IcrcVerifier.TryVerifyAndCopy"/>. False also for a sender that leaves DF clear, and then nothing is learned from the datagram:
    /// it is to be given to the other form.
    /// </summary>
    public bool TryVerifyAndCopy(
        in Gid source, in Gid destination, ushort sourcePort, ReadOnlySpan<byte> udpPayload, int headerBytes,
        ref SegmentWriter place, out ushort identification)
    {
        if (!IcrcVerifier.TryVerifyAndCopy(source, destination, sourcePort, udpPayload, headerBytes, ref place, out identification))
        {
            return false;
        }

        if (_learnedCount != 0)
        {
            Forget(source);
        }

        return true;
    }

    /// <summary>Direct mapped: a sender displaces another of the same place.</summary>
    private static int PlaceOf(in Gid sender)
    {
        ulong mixed = (sender.High ^ sender.Low) * 0x9E37_79B9_7F4A_7C15;
        return (int)(mixed >> 58);
    }

    private void Forget(in Gid sender)
    {
        int place = PlaceOf(sender);
        if (_seen[place] != 0 && _senders[place] == sender)
        {
            _seen[place] = 0;
            _learnedCount--;
        }
    }

    private bool IsKnownToLeaveClear(in Gid sender)
    {
        int place = PlaceOf(sender);
        if (_seen[place] != 0 && _senders[place] == sender)
        {
            bool isKnown = _seen[place] == DatagramsToLearn;
            _seen[place] += isKnown ? (byte)0 : (byte)1;
            return isKnown;
        }

        _learnedCount += _seen[place] == 0 ? 1 : 0;
        _senders[place] = sender;
        _seen[place] = 1;
        return false;
    }
}
