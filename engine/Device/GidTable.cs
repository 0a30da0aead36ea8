using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Device;

/// <summary>
/// The GIDs that the guest bound. Entry 0 begins as the device's own address. They say which indices an address vector may name; packets
/// always leave from the device's own address, so that a guest cannot take another's.
/// </summary>
internal sealed class GidTable
{
    private readonly Gid[] _gids;

    public GidTable(int length, in Gid own)
    {
        _gids = new Gid[length];
        _gids[0] = own;
    }

    public int Length => _gids.Length;

    /// <summary>The GID there; all zero when none is bound.</summary>
    public Gid this[int index]
    {
        get => _gids[index];
        set => _gids[index] = value;
    }

    public bool IsBound(uint index) => index < (uint)_gids.Length && !_gids[index].IsZero;

    /// <summary>The entries as part of a device's state.</summary>
    public void Transfer(StateCursor state)
    {
        int count = state.Count(_gids.Length, _gids.Length);
        for (int i = 0; i < count; i++)
        {
            state.Value(ref _gids[i]);
        }
    }

    public void Clear(in Gid own)
    {
        Array.Clear(_gids);
        _gids[0] = own;
    }
}
