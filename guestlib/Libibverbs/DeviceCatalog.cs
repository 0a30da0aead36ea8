using System.Globalization;
using System.Net;
using RoceEngine.Embedded;
using RoceEngine.Verbs;
using SystemErrno = RoceEngine.Interop.Errno;

namespace RoceEngine.Libibverbs;

/// <summary>
/// The devices that a program finds: one, in the program's own process, with an address that no other process of this machine uses; or, where a daemon's
/// socket is named, one of that daemon.
/// </summary>
internal static class DeviceCatalog
{
    /// <summary>The device's address; without it a free loopback address is taken.</summary>
    public const string AddressVariable = "VRDMA_ADDRESS";

    /// <summary>The socket of a daemon to attach to; without it the device is in the program's process.</summary>
    public const string SocketVariable = "VRDMA_SOCKET";

    /// <summary>Attached: bytes of guest RAM, which holds queues and all memory that is registered; K, M or G behind the number multiply it.</summary>
    public const string MemoryVariable = "VRDMA_MEMORY";

    /// <summary>
    /// "inline" (the default) or "thread": who lets the engine work, see <see cref="DriveMode"/>. A program that polls drives its own device, with its peer
    /// on the other core of two; threads of their own need a core each.
    /// </summary>
    public const string DriveVariable = "VRDMA_DRIVE";

    /// <summary>The first of the loopback addresses that are tried, and how many.</summary>
    private const uint FirstAddress = 127u << 24 | 64u << 16 | 1;
    private const int AddressesMax = 65_000;

    /// <summary>Pages that nobody touches cost nothing.</summary>
    private const long AttachedMemoryBytes = 1L << 30;

    private static readonly Lock s_lock = new();
    private static VerbsDevice[]? s_devices;

    /// <summary>The devices; found when first asked for, then always the same.</summary>
    /// <exception cref="VerbsException">The address is wrong, taken or not to be had; told in words as well.</exception>
    public static VerbsDevice[] List()
    {
        lock (s_lock)
        {
            return s_devices ??= [new VerbsDevice(FindSource(), "vrdma0", 0)];
        }
    }

    private static DeviceSource FindSource()
    {
        string? text = Environment.GetEnvironmentVariable(AddressVariable);
        IPAddress? address = null;
        if (!string.IsNullOrEmpty(text) && !IPAddress.TryParse(text, out address))
        {
            throw new VerbsException(Errno.Invalid, $"{AddressVariable} is '{text}', which is no IP address");
        }

        if (Environment.GetEnvironmentVariable(SocketVariable) is { Length: > 0 } socketPath)
        {
            return new AttachedSource(new AttachOptions
            {
                SocketPath = socketPath, Address = address, MemoryBytes = MemoryBytesOf(Environment.GetEnvironmentVariable(MemoryVariable)),
            });
        }

        DriveMode drive = DriveModeOf(Environment.GetEnvironmentVariable(DriveVariable));
        return address is null ? EmbeddedSource.Anywhere(drive) : new EmbeddedSource(AddressReservation.Take(address), drive, mayBeAnyAddress: false);
    }

    private static long MemoryBytesOf(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return AttachedMemoryBytes;
        }

        int shift = char.ToUpperInvariant(text[^1]) switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 };
        return long.TryParse(shift == 0 ? text : text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number <= long.MaxValue >> shift
            ? number << shift
            : throw new VerbsException(Errno.Invalid, $"{MemoryVariable} is '{text}', not a number of bytes such as 512M");
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

    /// <summary>A device of a host inside this process. The address stays the process's, also while the program has closed the device.</summary>
    private sealed class EmbeddedSource(AddressReservation reservation, DriveMode drive, bool mayBeAnyAddress) : DeviceSource
    {
        /// <summary>Guest RAM holds queues alone; pages that nobody touches cost nothing.</summary>
        private const long MemoryBytes = 1L << 30;

        public static EmbeddedSource Anywhere(DriveMode drive) =>
            new(AddressReservation.TakeFirstFree(Enumerable.Range(0, AddressesMax).Select(AddressAt)), drive, mayBeAnyAddress: true);

        public override IPAddress Address => reservation.Address;

        public override DeviceSource InChild(bool isOpenInParent) =>
            mayBeAnyAddress ? Anywhere(drive)
            : isOpenInParent ? throw new VerbsException(SystemErrno.EBUSY, $"{Address} is the parent process's, which has its device open")
            : this;

        public override RdmaContext Open() => EmbeddedRdma.Open(new EmbeddedOptions
        {
            Reservation = reservation, Address = Address, MemoryBytes = MemoryBytes, Drive = drive, Name = "vrdma0", Explain = Failure.Explain,
        });
    }

    /// <summary>
    /// A device of a daemon. It is attached when the program first asks for something of it, and goes over to the first context.
    /// </summary>
    private sealed class AttachedSource(AttachOptions options) : DeviceSource
    {
        private readonly Lock _lock = new();
        private readonly AttachOptions _asked = options;
        private AttachOptions _options = options;
        private RdmaContext? _attached;

        public override IPAddress Address
        {
            get
            {
                lock (_lock)
                {
                    return _options.Address ?? Attach().Address;
                }
            }
        }

        public override DeviceSource InChild(bool isOpenInParent) => new AttachedSource(_asked);

        public override RdmaContext Open()
        {
            lock (_lock)
            {
                RdmaContext context = Attach();
                _attached = null;
                return context;
            }
        }

        // The address is the device's from then on, also when it is opened again; but while the program has closed it, others may have been given it.
        private RdmaContext Attach()
        {
            _attached ??= AttachAtAddress();
            _options = _options with { Address = _attached.Address };
            return _attached;
        }

        private RdmaContext AttachAtAddress()
        {
            try
            {
                return RdmaContext.Attach(_options);
            }
            catch (VerbsException) when (_asked.Address is null && _options.Address is not null)
            {
                return RdmaContext.Attach(_asked);
            }
        }
    }
}
