using RoceEngine.Channel;
using RoceEngine.Host.Migration;
using RoceEngine.Wire;

namespace RoceEngine.Host;

/// <content>
/// Processes that take restored devices. In two steps, so that one which cannot, or dies over it, leaves the device to the next: it gets the memory and looks,
/// and then says that it has it. From then on it is the device's guest as any other, with whom the device ends.
/// </content>
internal sealed partial class GuestTable
{
    /// <summary>Gives a client what it needs to take a restored device, or refuses with the reason.</summary>
    public void OfferRestored(ControlClient client, AttachedGuest? guest, AttachRequest request)
    {
        string? refusal =
            guest is null ? "the request does not say which device to take"
            : client.Taking is not null ? "the client is about to take a device already"
            : request.AbiVersion != ChannelProtocol.AbiVersion ? Check(request)
            : !guest.AwaitsGuest ? $"device '{guest.Name}' has a guest, process {guest.ProcessId}: only a restored device can be taken"
            : guest.Taker is { } taker ? $"device '{guest.Name}' is about to be taken by process {taker.Peer.ProcessId}"
            : guest.IsDetaching || guest.IsBeingSaved || guest.Move is not null ? $"device '{guest.Name}' is being saved, or ends"
            : null;
        if (refusal is not null)
        {
            _reporter.Report(ReportLevel.Warning, $"refused a restored device to process {client.Peer.ProcessId}: {refusal}");
            client.Refuse(refusal);
            return;
        }
        ChannelMemory memory = guest!.Slot.Memory;
        var offered = new AttachReply
        {
            Name = guest.Name,
            Address = guest.Address.ToString(),
            GuestRamBytes = memory.GuestRamBytes,
            ControlBytes = memory.ControlBytes,
        };
        if (!client.TrySendWithDescriptors(new DaemonReply { Attached = offered }, memory.Descriptors))
            return;
        guest.Taker = client;
        client.Taking = guest;
    }

    /// <summary>The client has the device.</summary>
    public void ConfirmRestored(ControlClient client)
    {
        if (client.Taking is not { IsDetaching: false } guest)
        {
            client.Refuse("no restored device waits for this");
            return;
        }
        GiveUpTaking(client);
        guest.AwaitsGuest = false;
        guest.ProcessId = client.Peer.ProcessId;
        guest.UserId = client.Peer.UserId;
        guest.Client = client;
        client.Guest = guest;
        _reporter.Report(ReportLevel.Information, $"device {guest.Name} ({guest.Address}) was taken by process {guest.ProcessId} (user {guest.UserId})");
    }

    /// <summary>Takes a device out, so that its name and address are free for the one that is to be in its place. Its guest's end is not looked at meanwhile.</summary>
    /// <exception cref="MigrationException">There is no such device, or it is not to be had now.</exception>
    public AttachedGuest SetAside(string device, in Gid address)
    {
        AttachedGuest guest = Find(device) ?? throw new MigrationException($"there is no device '{device}'");
        if (guest.Address != address)
            throw new MigrationException($"the snapshot is of the device at {address}, and device '{guest.Name}' is at {guest.Address}");
        if (guest.IsDetaching || guest.IsBeingSaved || guest.Move is not null || guest.Taker is not null || (guest.Client is null && !guest.AwaitsGuest))
            throw new MigrationException($"device '{guest.Name}' is being moved, saved or taken, or ends");
        guest.IsBeingSaved = true;
        if (guest.Client is { } client)
            client.IsHeld = true;
        _guests.Remove(guest);
        _addresses.Release(address);
        return guest;
    }

    /// <summary>Puts it in again, still not to be had by anybody.</summary>
    public void TakeBack(AttachedGuest guest)
    {
        _ = _addresses.TryBorrow(guest.Address);
        _guests.Add(guest);
    }

    /// <summary>It runs as before.</summary>
    public static void LetGoOn(AttachedGuest guest)
    {
        guest.IsBeingSaved = false;
        if (guest.Client is { } client)
            client.IsHeld = false;
    }

    /// <summary>Another device is in its place; its guest's connection ends.</summary>
    public void Part(AttachedGuest guest)
    {
        _reporter.Report(ReportLevel.Information, $"device {guest.Name} ({guest.Address}) went back to a snapshot");
        if (guest.Client is not { } client)
            return;
        client.IsHeld = false;
        client.Guest = null;
        client.CloseWhenSent = true;
    }

    /// <summary>The client is gone, or has the device.</summary>
    public static void GiveUpTaking(ControlClient client)
    {
        if (client.Taking is { } guest)
            guest.Taker = null;
        client.Taking = null;
    }
}
