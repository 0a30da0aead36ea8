using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Verbs;

namespace RoceEngine.Libibverbs.Objects;

/// <summary>
/// What <c>ibv_open_device(3)</c> gives: a <c>struct verbs_context</c> with its asynchronous events. Several of one program share the device.
/// </summary>
internal sealed unsafe class OpenContext
{
    private readonly EventQueue<AsyncEventItem> _events = new();
    private readonly VerbsContext* _native;
    private readonly SafeFileHandle _commandFile;

    public OpenContext(VerbsDevice device, RdmaContext rdma)
    {
        Device = device;
        Rdma = rdma;
        _native = Backed.Allocate<VerbsContext, OpenContext>(this);
        OperationTables.Fill(_native);
        Pointer->Device = device.Pointer;
        Pointer->AsyncFd = _events.Descriptor;

        // Nobody listens to commands there, but programs duplicate the descriptor, or set its flags.
        _commandFile = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        Pointer->CmdFd = (int)_commandFile.DangerousGetHandle();
        Pointer->NumCompVectors = 1;
    }

    /// <summary>The device.</summary>
    public VerbsDevice Device { get; }

    /// <summary>The open device below.</summary>
    public RdmaContext Rdma { get; }

    /// <summary>What the program holds.</summary>
    public IbvContext* Pointer => &_native->Context;

    /// <summary>The context behind a program's pointer.</summary>
    public static OpenContext Of(IbvContext* pointer) =>
        Backed.Object<VerbsContext, OpenContext>((VerbsContext*)((byte*)pointer - (VerbsContext.Bytes - sizeof(IbvContext))));

    /// <summary>An event about an object of this context, or about the port or the device. From the event pump.</summary>
    public void Raise(AsyncEventType type, nint element, EventAccount? account) => _events.Add(new AsyncEventItem(type, element, account));

    /// <summary>Takes the next event. Returns 0 or the error number. <c>ibv_get_async_event(3)</c>.</summary>
    public int TakeEvent(IbvAsyncEvent* into)
    {
        int errno = _events.Take(out AsyncEventItem item, static taken => taken.Account?.Deliver());
        if (errno == 0)
        {
            *into = new IbvAsyncEvent { Element = item.Element, EventType = (int)item.Type };
        }

        return errno;
    }

    /// <summary>When this returns, no event about an object that the device has forgotten is on its way any more.</summary>
    public void AwaitPump() => Rdma.Pump.Drain();

    /// <summary>An object goes: events about it that nobody took go too, and those taken must be acknowledged first.</summary>
    public void ForgetEvents(nint element, EventAccount account)
    {
        _events.Remove(item => item.Element == element && item.Account == account);
        account.AwaitAcknowledgements();
    }

    /// <summary>Frees the structure. <c>ibv_close_device(3)</c>.</summary>
    public void Close()
    {
        _events.Dispose();
        _commandFile.Dispose();
        Backed.Free<VerbsContext, OpenContext>(_native);
    }

    [StructLayout(LayoutKind.Auto)]
    private readonly record struct AsyncEventItem(AsyncEventType Type, nint Element, EventAccount? Account);
}
