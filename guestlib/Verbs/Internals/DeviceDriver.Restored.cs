using RoceEngine.Abi;
using RoceEngine.Channel;

namespace RoceEngine.Verbs.Internals;

/// <content>A device that another process brought up.</content>
internal sealed unsafe partial class DeviceDriver
{
    /// <summary>
    /// Goes on with a device where its last process stopped. Nothing is written but commands until <see cref="TakeOver"/>. Takes the channel over, also when
    /// it fails.
    /// </summary>
    /// <param name="channel">The device's.</param>
    /// <param name="head">Where everything is, checked.</param>
    /// <exception cref="VerbsException">The device lacks the extension.</exception>
    public DeviceDriver(DeviceChannel channel, in GuestLedgerHead head)
    {
        Channel = channel;
        Allocator = null!;
        Ledger = null!;
        try
        {
            ApplicationPages = new ApplicationPages(this);
            _devicePage = (DeviceControlPage*)(channel.Control + ControlRegion.DevicePage);
            _guestPage = (GuestControlPage*)(channel.Control + ControlRegion.GuestPage);
            SendDoorbells = DoorbellBitmap.ForSends(channel.Control);
            ReceiveDoorbells = DoorbellBitmap.ForReceives(channel.Control);
            byte* shared = channel.GuestRam + head.SharedRegion;
            _shared = (PvrdmaDeviceSharedRegion*)shared;
            _commandSlot = shared + GuestAllocator.PageBytes;
            _responseSlot = _commandSlot + GuestAllocator.PageBytes;
            AsyncRing = channel.GuestRam + head.AsyncRing;
            NotificationRing = channel.GuestRam + head.NotificationRing;

            // No answer to a command of before is taken for one to ours.
            _cookie = ((PvrdmaCommandHeader*)_commandSlot)->Cookie;
            CheckVersion();
            ReadAbilities();
            Require(ExtensionBits.ExtendedVerbs, "taking a restored device");
        }
        catch
        {
            channel.Dispose();
            throw;
        }
    }

    /// <summary>The device is this process's from here on.</summary>
    public void TakeOver(GuestAllocator allocator, Func<DeviceDriver, Ledger> ledger)
    {
        Allocator = allocator;
        Ledger = ledger(this);
    }

    /// <summary>All objects of a kind as the device has them, by handle.</summary>
    /// <exception cref="VerbsException">The device does not tell (EOPNOTSUPP), or makes no sense (EIO).</exception>
    public List<PvrdmaNextObjectResponse> ListObjects(PvrdmaObjectKind kind)
    {
        var all = new List<PvrdmaNextObjectResponse>();
        uint from = 1;
        while (true)
        {
            PvrdmaNextObjectResponse next = Execute<PvrdmaNextObject, PvrdmaNextObjectResponse>(
                PvrdmaCommand.NextObject, new PvrdmaNextObject { Kind = (uint)kind, Handle = from }, "taking a restored device");
            if (next.Handle == 0)
            {
                return all;
            }

            // Each is beyond the one before: a list without end is no list.
            if (next.Handle < from || next.Handle >= ObjectHandles.Max)
            {
                throw new VerbsException(Errno.InputOutput, $"the device lists the impossible handle {next.Handle}");
            }

            all.Add(next);
            from = next.Handle + 1;
        }
    }
}
