using System.Net;
using System.Net.Sockets;
using RoceEngine.Wire;

namespace RoceEngine.Launching;

/// <summary>
/// The loopback addresses of a run: from the first one upwards those on which the RoCEv2 port is free, so that a second run, or a
/// daemon of the user's own, is no hindrance.
/// </summary>
public sealed class AddressPlan
{
    /// <summary>Addresses tried at most.</summary>
    private const int TriesMax = 200;

    private readonly byte[] _next;
    private readonly List<string> _notes = [];
    private int _tries;

    /// <summary>A plan that begins with this IPv4 address.</summary>
    public AddressPlan(IPAddress first) => _next = first.GetAddressBytes();

    /// <summary>What was taken instead of what, for the user, one sentence each, since the last call.</summary>
    public string[] TakeNotes()
    {
        string[] notes = [.. _notes];
        _notes.Clear();
        return notes;
    }

    /// <summary>The next address on which the port is free.</summary>
    /// <exception cref="LaunchException">There is none, or the address is not one of this machine.</exception>
    public IPAddress Take()
    {
        string? busy = null;
        for (; _tries < TriesMax; _tries++)
        {
            IPAddress address = new(_next);
            Advance();
            if (IsFree(address))
            {
                if (busy is not null)
                    _notes.Add($"UDP port {RoceUdp.Port} is taken on {busy}; using {address}");
                return address;
            }

            busy = busy is null ? address.ToString() : $"{busy}, {address}";
        }

        throw new LaunchException(
            $"UDP port {RoceUdp.Port} is taken on all of {TriesMax} loopback addresses; a program holds it for every address (the kernel's rdma_rxe, say)");
    }

    /// <summary>Whether the RoCEv2 port could be bound on this address a moment ago.</summary>
    public static bool IsFree(IPAddress address)
    {
        using Socket probe = new(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            probe.Bind(new IPEndPoint(address, RoceUdp.Port));
            return true;
        }
        catch (SocketException failure) when (failure.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return false;
        }
        catch (SocketException failure)
        {
            throw new LaunchException($"{address}: {failure.Message}", failure);
        }
    }

    private void Advance()
    {
        for (int i = _next.Length - 1; i > 0; i--)
        {
            // .0 and .255 name networks to many eyes; they are left out.
            if (++_next[i] is not (0 or byte.MaxValue))
                return;
            _next[i] = i == _next.Length - 1 ? (byte)1 : (byte)0;
        }
    }
}
