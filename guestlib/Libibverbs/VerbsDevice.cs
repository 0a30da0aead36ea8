using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using RoceEngine.Device;
using RoceEngine.Interop;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Libibverbs.Objects;
using RoceEngine.Verbs;
using RoceEngine.Wire;

namespace RoceEngine.Libibverbs;

/// <summary>
/// A device that a program may find and open, as often as it likes: all its contexts share one vRDMA device, which is there from the first open to the
/// last close.
/// </summary>
/// <remarks>
/// A child of a fork has what its parent had opened in its memory, but it is the parent's: packets that one of them took would be lost for the other. So a
/// child that opens the device gets one of its own.
/// </remarks>
internal sealed unsafe class VerbsDevice
{
    private const int NodeTypeCa = 1;

    /// <summary>One answers what has come; others may be at it at the same time.</summary>
    private const int TurnsAtEnd = 16;

    private readonly Lock _lock = new();
    private readonly List<OpenContext> _contexts = [];
    private DeviceSource _source;
    private int _process = Processes.CurrentId;
    private bool _wasOpened;
    private RdmaContext? _rdma;

    /// <summary>A device. Its structure is never freed: programs keep pointers to it beyond <c>ibv_free_device_list(3)</c>.</summary>
    public VerbsDevice(DeviceSource source, string name, int index)
    {
        _source = source;
        Name = name;
        Pointer = Backed.Allocate<IbvDevice, VerbsDevice>(this);
        Pointer->NodeType = NodeTypeCa;
        Write(Pointer->Name, name);
        Write(Pointer->DevName, $"uverbs{index}");
        Write(Pointer->DevPath, $"/sys/class/infiniband_verbs/uverbs{index}");
        Write(Pointer->IbdevPath, SysfsPath);
    }

    public string Name { get; }

    /// <summary>Where the kernel would describe it. Nothing is there.</summary>
    public string SysfsPath => $"/sys/class/infiniband/{Name}";

    public IbvDevice* Pointer { get; }

    /// <summary>The node GUID, in network byte order.</summary>
    public ulong NodeGuid => VrdmaDevice.NodeGuidOf(Gid.From(_source.Address));

    public static VerbsDevice Of(IbvDevice* pointer) => Backed.Object<IbvDevice, VerbsDevice>(pointer);

    /// <summary><c>ibv_open_device(3)</c>.</summary>
    /// <exception cref="VerbsException">There is no such device any more, or no memory.</exception>
    public OpenContext Open()
    {
        lock (_lock)
        {
            LeaveParent();
            if (_rdma is null)
            {
                _rdma = _source.Open();
                if (!_wasOpened)
                {
                    ProcessEnd.Add(SayLastWord);
                }

                _wasOpened = true;
                _rdma.Pump.Listener = OnEvent;
                _rdma.Pump.Start();
            }

            var context = new OpenContext(this, _rdma);
            _contexts.Add(context);
            return context;
        }
    }

    /// <summary><c>ibv_close_device(3)</c>. With the last context the device goes, and what is left on it.</summary>
    public void Close(OpenContext context)
    {
        RdmaContext? last = null;
        lock (_lock)
        {
            if (_contexts.Remove(context) && _contexts.Count == 0 && _process == Processes.CurrentId)
            {
                last = _rdma;
                _rdma = null;
            }
        }

        // Outside of the lock, which the event pump may wait for.
        last?.Dispose();
        context.Close();
    }

    /// <summary>
    /// A program that ends with its last receive has not let its device answer it: it does so when it is driven the next time, with what the program sends then.
    /// </summary>
    private void SayLastWord()
    {
        for (int i = 0; i < TurnsAtEnd; i++)
        {
            _rdma?.Progress();
        }
    }

    /// <summary>In a child of a fork: what the parent has opened is the parent's. What it had only found is there for whoever opens it first.</summary>
    private void LeaveParent()
    {
        int process = Processes.CurrentId;
        if (process == _process)
        {
            return;
        }

        if (_wasOpened)
        {
            _source = _source.InChild(isOpenInParent: _rdma is not null);
            _rdma = null;
            _contexts.Clear();
            _wasOpened = false;
        }

        _process = process;
    }

    private void OnEvent(AsyncEvent asyncEvent)
    {
        switch (asyncEvent)
        {
            case { QueuePair.Owner: OpenQueuePair queuePair }:
                queuePair.Context.Raise(asyncEvent.Type, (nint)queuePair.Pointer, queuePair.AsyncEvents);
                break;
            case { CompletionQueue.Owner: OpenCompletionQueue queue }:
                queue.Context.Raise(asyncEvent.Type, (nint)queue.Pointer, queue.AsyncEvents);
                break;
            case { SharedReceiveQueue.Owner: OpenSharedReceiveQueue queue }:
                queue.Context.Raise(asyncEvent.Type, (nint)queue.Pointer, queue.AsyncEvents);
                break;
            case { Type: AsyncEventType.DeviceFatal or AsyncEventType.PortActive or AsyncEventType.PortError or AsyncEventType.LidChange
                or AsyncEventType.PartitionKeyChange or AsyncEventType.SubnetManagerChange or AsyncEventType.ClientReregister or AsyncEventType.GidChange }:
                RaiseForAll(asyncEvent.Type);
                break;
            default:
                // About an object that is gone.
                break;
        }
    }

    private void RaiseForAll(AsyncEventType type)
    {
        lock (_lock)
        {
            foreach (OpenContext context in _contexts)
            {
                context.Raise(type, type == AsyncEventType.DeviceFatal ? 0 : 1, null);
            }
        }
    }

    private static void Write(Span<byte> into, string text) => _ = Encoding.ASCII.GetBytes(text, into);
}

/// <summary>Where a device comes from.</summary>
internal abstract class DeviceSource
{
    /// <summary>The device's address: its GID.</summary>
    public abstract IPAddress Address { get; }

    /// <summary>Opens it.</summary>
    /// <exception cref="VerbsException">It cannot be.</exception>
    public abstract RdmaContext Open();

    /// <summary>Where a child of a fork has its device from, whose parent opened one.</summary>
    /// <param name="isOpenInParent">The parent still had it open at the fork.</param>
    /// <exception cref="VerbsException">EBUSY: the address that was asked for is the parent's. Or no address is free.</exception>
    public abstract DeviceSource InChild(bool isOpenInParent);
}
