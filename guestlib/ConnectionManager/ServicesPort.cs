using System.Net;
using RoceEngine.ConnectionManager.Messages;
using RoceEngine.Verbs;

namespace RoceEngine.ConnectionManager;

/// <summary>A device's QP of general services with its buffers: management datagrams in and out. IBTA vol. 1, 13.5.1. Not safe for concurrent use.</summary>
internal sealed class ServicesPort : IDisposable
{
    private const int ReceiveCount = 1024;
    private const int SendCount = 512;
    private const int ReceiveBytes = AddressHandle.GlobalRouteHeaderBytes + ManagementDatagram.Bytes;
    private const int ReceiveSlotBytes = 320;
    private const int DestinationsMax = 4096;
    private const ulong SendMark = 1ul << 32;
    private const uint ServicesQueuePair = 1;

    private readonly RdmaContext _context;
    private readonly CompletionChannel _channel;
    private readonly CompletionQueue _completions;
    private readonly ProtectionDomain _domain;
    private readonly QueuePair _queuePair;
    private readonly GuestMemory _memory;
    private readonly MemoryRegion _region;
    private readonly Stack<int> _freeSends = new(Enumerable.Range(0, SendCount));
    private readonly Dictionary<IPAddress, AddressHandle> _destinations = [];
    private readonly WorkCompletion[] _taken = new WorkCompletion[64];

    /// <param name="context">The device.</param>
    /// <param name="onNotified">Something came, or went out. Must not block.</param>
    /// <exception cref="VerbsException">EBUSY: the device has such a QP already. ENOMEM: no room for it.</exception>
    public ServicesPort(RdmaContext context, Action onNotified)
    {
        _context = context;
        _channel = context.CreateCompletionChannel();
        _channel.Listener = _ => onNotified();
        _completions = context.CreateCompletionQueue(ReceiveCount + SendCount, _channel);
        _domain = context.AllocateProtectionDomain();
        _queuePair = _domain.CreateQueuePair(new QueuePairOptions
        {
            Type = QueuePairType.Gsi,
            SendCompletionQueue = _completions,
            ReceiveCompletionQueue = _completions,
            SendDepth = SendCount,
            ReceiveDepth = ReceiveCount,
        });
        _memory = context.AllocateMemory((ReceiveCount * ReceiveSlotBytes) + (SendCount * ManagementDatagram.Bytes));
        _region = _domain.RegisterMemory(_memory, AccessFlags.LocalWrite);
        _queuePair.ActivateDatagrams(ManagementDatagram.QueueKey);
        for (int i = 0; i < ReceiveCount; i++)
        {
            PostReceive(i);
        }
    }

    /// <summary>False while all buffers are under way.</summary>
    public bool CanSend => _freeSends.Count != 0;

    /// <summary>Everything has left the device.</summary>
    public bool HasSentAll => _freeSends.Count == SendCount;

    /// <summary>
    /// Sends a datagram to the services of a device. While the program has all of the device's address handles, datagrams to new destinations are lost, as
    /// on any network: whoever needs an answer asks again.
    /// </summary>
    public void Send(IPAddress destination, ReadOnlySpan<byte> datagram)
    {
        if (HandleOf(destination) is not { } handle)
        {
            return;
        }

        int slot = _freeSends.Pop();
        long offset = (ReceiveCount * ReceiveSlotBytes) + (slot * ManagementDatagram.Bytes);
        datagram.CopyTo(_memory.AsSpan(offset, ManagementDatagram.Bytes));
        var request = new SendRequest
        {
            WorkRequestId = SendMark | (uint)slot,
            Opcode = SendOpcode.Send,
            Flags = SendFlags.Signaled,
            Destination = handle,
            RemoteQueuePair = ServicesQueuePair,
            RemoteQueueKey = ManagementDatagram.QueueKey,
        };
        _queuePair.PostSend(in request, _region.Entry(offset, ManagementDatagram.Bytes));
    }

    /// <summary>Handles what completed; the next completion notifies.</summary>
    /// <param name="onDatagram">A datagram and its source.</param>
    public void Progress(DatagramHandler onDatagram)
    {
        Drain(onDatagram);
        _completions.RequestNotification();
        Drain(onDatagram);
    }

    public void Dispose()
    {
        _queuePair.Dispose();
        ForgetDestinations();
        _region.Dispose();
        _memory.Dispose();
        _domain.Dispose();
        _completions.Dispose();
        _channel.Dispose();
    }

    /// <summary>Takes a datagram, whose bytes are only there during the call.</summary>
    internal delegate void DatagramHandler(ReadOnlySpan<byte> datagram, IPAddress source);

    private void Drain(DatagramHandler onDatagram)
    {
        int count;
        while ((count = _completions.Poll(_taken)) != 0)
        {
            for (int i = 0; i < count; i++)
            {
                Handle(in _taken[i], onDatagram);
            }
        }
    }

    private void Handle(in WorkCompletion completion, DatagramHandler onDatagram)
    {
        if ((completion.WorkRequestId & SendMark) != 0)
        {
            _freeSends.Push((int)(uint)completion.WorkRequestId);
            return;
        }

        int slot = (int)completion.WorkRequestId;
        if (completion.Status == CompletionStatus.Success && completion.SourceQueuePair == ServicesQueuePair)
        {
            ReadOnlySpan<byte> received = _memory.AsSpan((long)slot * ReceiveSlotBytes, (int)Math.Min(completion.ByteLength, ReceiveBytes));
            if (Verbs.Internals.GlobalRouteHeader.TryReadReturnPath(received) is { } path)
            {
                onDatagram(received[AddressHandle.GlobalRouteHeaderBytes..], path.DestinationAddress);
            }
        }

        if (completion.Status != CompletionStatus.FlushError)
        {
            PostReceive(slot);
        }
    }

    private void PostReceive(int slot) => _queuePair.PostReceive((ulong)slot, _region.Entry((long)slot * ReceiveSlotBytes, ReceiveBytes));

    private AddressHandle? HandleOf(IPAddress destination)
    {
        if (_destinations.TryGetValue(destination, out AddressHandle? handle))
        {
            return handle;
        }

        if (_destinations.Count >= DestinationsMax)
        {
            ForgetDestinations();
        }

        try
        {
            handle = _domain.CreateAddressHandle(new AddressHandleAttributes { DestinationAddress = destination });
        }
        catch (VerbsException e) when (e.Errno == Errno.NoMemory)
        {
            return null;
        }

        _destinations.Add(destination, handle);
        return handle;
    }

    private void ForgetDestinations()
    {
        foreach (AddressHandle handle in _destinations.Values)
        {
            handle.Dispose();
        }

        _destinations.Clear();
    }
}
