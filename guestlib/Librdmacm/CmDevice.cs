using System.Net;
using RoceEngine.ConnectionManager;
using RoceEngine.ConnectionManager.Protocol;
using RoceEngine.Interop;
using RoceEngine.Libibverbs;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Librdmacm.Objects;
using RoceEngine.Verbs;

namespace RoceEngine.Librdmacm;

/// <summary>
/// The program's device with its connection manager. It is opened when an identifier is bound to it and stays open: identifiers of programs hold its context.
/// </summary>
internal sealed unsafe class CmDevice
{
    private static readonly TimeSpan s_patienceAtEnd = TimeSpan.FromMilliseconds(500);
    private static readonly Lock s_lock = new();
    private static CmDevice? s_device;
    private static int s_process;
    private static PortAttributes? s_port;

    private readonly OpenContext _context;
    private IbvPd* _domain;

    private CmDevice()
    {
        _context = DeviceCatalog.List()[0].Open();
        try
        {
            Service = new ConnectionService(_context.Rdma, Dispatch);
            Service.Lost += _ => CmId.OnDeviceLost();
            ProcessEnd.Add(() => Service.EndConnections(s_patienceAtEnd));
        }
        catch
        {
            _context.Device.Close(_context);
            throw;
        }
    }

    /// <summary>The connection manager.</summary>
    public ConnectionService Service { get; }

    /// <summary>The context of all identifiers.</summary>
    public IbvContext* Context => _context.Pointer;

    /// <summary>The device's address.</summary>
    public IPAddress Address => _context.Rdma.Address;

    /// <summary>The ports of the address.</summary>
    public static PortTable Ports { get; private set; } = new();

    /// <summary>The port's attributes, which do not change.</summary>
    public PortAttributes Port => s_port ??= _context.Rdma.QueryPort();

    /// <summary>READs and atomics of a QP at most.</summary>
    public byte MaxRdAtomic => (byte)Math.Min(_context.Rdma.QueryDevice().MaxDestinationRdAtomic, byte.MaxValue);

    /// <summary>The domain of QPs for which a program names none.</summary>
    public IbvPd* Domain
    {
        get
        {
            lock (s_lock)
            {
                return _domain != null ? _domain : _domain = VerbsCalls.AllocPd(Context);
            }
        }
    }

    /// <summary>The device, opened when first asked for.</summary>
    /// <exception cref="VerbsException">There is none.</exception>
    public static CmDevice Open()
    {
        lock (s_lock)
        {
            // In a child of a fork this is the parent's.
            if (s_device is not null && s_process != Processes.CurrentId)
            {
                s_device = null;
                Ports = new PortTable();
            }

            s_process = Processes.CurrentId;
            return s_device ??= new CmDevice();
        }
    }

    /// <summary>The context belongs to this device.</summary>
    public bool Owns(IbvContext* context) => OpenContext.Of(context).Rdma == _context.Rdma;

    // Under the service's lock.
    private static bool Dispatch(CmEvent happened) =>
        (happened.Exchange.Owner ?? happened.Exchange.Listener?.Owner) is not CmId id || id.TryRaise(happened);
}
