using RoceEngine.Wire;

namespace RoceEngine.Host;

/// <summary>The addresses that a host may give to guests, each to one at a time.</summary>
public sealed class AddressPool
{
    private readonly Gid[] _addresses;
    private readonly HashSet<Gid> _known;
    private readonly HashSet<Gid> _used = [];

    public AddressPool(IEnumerable<Gid> addresses)
    {
        _addresses = [.. addresses.Distinct()];
        _known = [.. _addresses];
    }

    /// <summary>All addresses, used or not.</summary>
    public IReadOnlyList<Gid> All => _addresses;

    /// <summary>True for an address of this pool, used or not.</summary>
    public bool Contains(Gid address) => _known.Contains(address);

    /// <summary>Claims that address. False when it is used, or not of this pool.</summary>
    public bool TryClaim(Gid address) => _known.Contains(address) && _used.Add(address);

    /// <summary>Claims an address that may be of another host's pool, for a device that comes from there. False when it is used.</summary>
    public bool TryBorrow(Gid address) => _used.Add(address);

    /// <summary>Addresses that every machine has: loopback ones.</summary>
    public static bool IsAnywhere(Gid address) => System.Net.IPAddress.IsLoopback(address.ToIPAddress());

    /// <summary>Claims the first free address.</summary>
    public bool TryClaimAny(out Gid address)
    {
        foreach (Gid candidate in _addresses)
        {
            if (_used.Add(candidate))
            {
                address = candidate;
                return true;
            }
        }
        address = default;
        return false;
    }

    /// <summary>Gives an address back.</summary>
    public void Release(Gid address) => _used.Remove(address);
}
