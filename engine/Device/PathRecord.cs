using RoceEngine.Abi;
using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>
/// What a driver said about a QP's paths and asks back: the address vector as it was given, and the alternate path, which is accepted and kept but
/// never taken, since a RoCE device has no automatic path migration.
/// </summary>
internal struct PathRecord
{
    /// <summary>Largest migration state: armed. IBTA vol. 1, 11.2.5.2.</summary>
    private const uint MigrationStateMax = 2;

    private PvrdmaAhAttributes _address;
    private AlternatePath? _alternate;
    private byte _migrationState;

    /// <summary>False when an alternate path or migration state is impossible.</summary>
    public static bool IsValid(in PvrdmaQpAttributes attributes, QueuePairAttributeMask mask, GidTable gids)
    {
        if ((mask & QueuePairAttributeMask.PathMigrationState) != 0 && attributes.PathMigrationState > MigrationStateMax)
        {
            return false;
        }

        ref readonly PvrdmaGlobalRoute route = ref attributes.AlternateAddressHandle.GlobalRoute;
        var destination = Wire.Gid.Read(route.DestinationGid);
        return (mask & QueuePairAttributeMask.AlternatePath) == 0
            || (attributes.AlternatePort == 1 && attributes.AlternatePkeyIndex == 0 && attributes.AlternateTimeout <= 31
                && !destination.IsZero && !destination.IsMulticast && gids.IsBound(route.SourceGidIndex));
    }

    /// <summary>Takes what a modify named.</summary>
    public void Take(in PvrdmaQpAttributes from, QueuePairAttributeMask mask)
    {
        if ((mask & QueuePairAttributeMask.AddressVector) != 0)
        {
            _address = from.AddressHandle;
        }

        if ((mask & QueuePairAttributeMask.AlternatePath) != 0)
        {
            _alternate = new AlternatePath(from.AlternateAddressHandle, from.AlternatePkeyIndex, from.AlternatePort, from.AlternateTimeout);
        }

        if ((mask & QueuePairAttributeMask.PathMigrationState) != 0)
        {
            _migrationState = (byte)from.PathMigrationState;
        }
    }

    /// <summary>Fills in what a query gives back.</summary>
    public readonly void Fill(ref PvrdmaQpAttributes into)
    {
        into.AddressHandle = _address;
        into.AddressHandle.Flags |= PvrdmaAhAttributes.GlobalRouteFlag;
        into.AddressHandle.Port = into.Port;
        into.PathMigrationState = _migrationState;
        if (_alternate is { } alternate)
        {
            into.AlternateAddressHandle = alternate.Address;
            into.AlternatePkeyIndex = alternate.PkeyIndex;
            into.AlternatePort = alternate.Port;
            into.AlternateTimeout = alternate.Timeout;
        }
    }

    /// <summary>The record as part of a device's state.</summary>
    public void Transfer(StateCursor state)
    {
        state.Value(ref _address);
        state.Value(ref _migrationState);
        if (state.Flag(_alternate is not null))
        {
            _alternate = new AlternatePath(
                state.Value(_alternate?.Address ?? default),
                state.Value(_alternate?.PkeyIndex ?? default),
                state.Value(_alternate?.Port ?? default),
                state.Value(_alternate?.Timeout ?? default));
        }
    }

    private sealed record AlternatePath(PvrdmaAhAttributes Address, ushort PkeyIndex, byte Port, byte Timeout);
}
