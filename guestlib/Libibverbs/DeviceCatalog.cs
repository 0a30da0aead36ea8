using System.Globalization;
using System.Net;
using RoceEngine.Embedded;
using RoceEngine.Verbs;

namespace RoceEngine.Libibverbs;

/// <summary>
/// The devices that a program finds: one, in the program's own process, with an address that no other process of this machine uses.
/// </summary>
internal static class DeviceCatalog
{
    /// <summary>The device's address; without it a free loopback address is taken.</summary>
    public const string AddressVariable = "VRDMA_ADDRESS";

    /// <summary>
    /// "inline" (the default) or "thread": who lets the engine work, see <see cref="DriveMode"/>. A program that polls drives its own device, with its peer
    /// on the other core of two; threads of their own need a core each.
    /// </summary>
    public const string DriveVariable = "VRDMA_DRIVE";

    /// <summary>The first of the loopback addresses that are tried, and how many.</summary>
    private const uint FirstAddress = 127u << 24 | 64u << 16 | 1;
    private const int AddressesMax = 65_000;

    private static readonly Lock s_lock = new();
    private static VerbsDevice[]? s_devices;

    /// <summary>The devices; found when first asked for, then always the same.</summary>
    /// <exception cref="VerbsException">The address is wrong, taken or not to be had; told in words as well.</exception>
    public static VerbsDevice[] List()
    {
        lock (s_lock)
        {
            return s_devices ??= [new VerbsDevice(new EmbeddedSource(Reserve(), DriveModeOf(Environment.GetEnvironmentVariable(DriveVariable))), "vrdma0", 0)];
        }
    }

    private static AddressReservation Reserve()
    {
        string? text = Environment.GetEnvironmentVariable(AddressVariable);
        if (string.IsNullOrEmpty(text))
        {
            return AddressReservation.TakeFirstFree(Enumerable.Range(0, AddressesMax).Select(AddressAt));
        }

        return IPAddress.TryParse(text, out IPAddress? address)
            ? AddressReservation.Take(address)
            : throw new VerbsException(Errno.Invalid, $"{AddressVariable} is '{text}', which is no IP address");
    }

    private static IPAddress AddressAt(int index)
    {
        uint address = FirstAddress + (uint)index;
        return new IPAddress([(byte)(address >> 24), (byte)(address >> 16), (byte)(address >> 8), (byte)address]);
    }

    private static DriveMode DriveModeOf(string? text) => text switch
    {
        null or "" or "inline" => DriveMode.Inline,
        "thread" => DriveMode.Thread,
        _ => throw new VerbsException(Errno.Invalid, string.Create(CultureInfo.InvariantCulture, $"{DriveVariable} is '{text}', not thread or inline")),
    };

    /// <summary>A device of a host inside this process.</summary>
    private sealed class EmbeddedSource(AddressReservation reservation, DriveMode drive) : DeviceSource
    {
        /// <summary>Guest RAM holds queues alone; pages that nobody touches cost nothing.</summary>
        private const long MemoryBytes = 1L << 30;

        private AddressReservation? _reservation = reservation;

        public override IPAddress Address { get; } = reservation.Address;

        public override RdmaContext Open()
        {
            AddressReservation taken = Interlocked.Exchange(ref _reservation, null) ?? AddressReservation.Take(Address);
            return EmbeddedRdma.Open(new EmbeddedOptions { Reservation = taken, Address = Address, MemoryBytes = MemoryBytes, Drive = drive, Name = "vrdma0" });
        }
    }
}
