using RoceEngine.Host.Migration;
using RoceEngine.Wire;

namespace RoceEngine.Host.Snapshots;

/// <summary>
/// A device that is to go back to a snapshot: it stands still, its name and its address free, until the snapshot's device is there in its place. If that does not
/// come about it goes on as if nothing had happened.
/// </summary>
internal sealed class ReplacedDevice
{
    private readonly MigrationHost _host;
    private readonly AttachedGuest _guest;
    private readonly FrozenDevice _frozen;

    private ReplacedDevice(MigrationHost host, AttachedGuest guest, FrozenDevice frozen)
    {
        _host = host;
        _guest = guest;
        _frozen = frozen;
    }

    /// <exception cref="MigrationException">It is not there, or not to be had now; nothing has changed.</exception>
    public static async Task<ReplacedDevice> SetAsideAsync(MigrationHost host, string device, Gid address)
    {
        AttachedGuest guest = await host.Threads.OnConductor(() => host.Guests.SetAside(device, address)).ConfigureAwait(false);
        try
        {
            FrozenDevice frozen = await FrozenDevice.FreezeAsync(guest).ConfigureAwait(false);
            frozen.LetAddressGo(host, isAddedThere: false);
            return new ReplacedDevice(host, guest, frozen);
        }
        catch
        {
            await host.Threads.OnConductor(() =>
            {
                host.Guests.TakeBack(guest);
                GuestTable.LetGoOn(guest);
            }).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Nothing came of it.</summary>
    public async Task GoOnAsync()
    {
        await _host.Threads.OnConductor(() => _host.Guests.TakeBack(_guest)).ConfigureAwait(false);
        await _frozen.ThawAsync(_host, _guest).ConfigureAwait(false);
        await _host.Threads.OnConductor(() => GuestTable.LetGoOn(_guest)).ConfigureAwait(false);
    }

    /// <summary>The snapshot's device is there. The guest of the one of before is told, and its memory is let go.</summary>
    public async Task EndAsync()
    {
        _guest.Slot.TellReplaced();
        await _host.Threads.OnConductor(() => _host.Guests.Part(_guest)).ConfigureAwait(false);
        _frozen.Dispose();
    }
}
