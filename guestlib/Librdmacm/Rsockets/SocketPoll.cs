using System.Runtime.InteropServices;
using RoceEngine.Interop;
using RoceEngine.Libibverbs;

namespace RoceEngine.Librdmacm.Rsockets;

/// <summary>poll(2) and select(2) of sockets and other descriptors together.</summary>
internal static unsafe class SocketPoll
{
    private const int SelectBits = 1024;

    /// <summary>poll(2): how many are ready, 0 after the time, or a negative error number. A negative time waits for ever.</summary>
    public static int Wait(PollDescriptor* descriptors, int count, long timeoutNs)
    {
        long startNs = StreamSocket.NowNs;
        long deadlineNs = timeoutNs < 0 || timeoutNs > long.MaxValue - startNs ? long.MaxValue : startNs + timeoutNs;
        long lookUntilNs = startNs + StreamSocket.LookNs;
        while (true)
        {
            int ready = Look(descriptors, count);
            long nowNs = timeoutNs == 0 ? startNs : StreamSocket.NowNs;
            if (ready != 0 || nowNs >= deadlineNs)
            {
                return ready;
            }

            if (!StreamSocket.GoesOnLooking(startNs, lookUntilNs))
            {
                ready = Sleep(descriptors, count, deadlineNs);
                if (ready != 0)
                {
                    return ready;
                }
            }
        }
    }

    /// <summary>select(2): how many bits are set, 0 after the time, or a negative error number.</summary>
    public static int Select(int count, ulong* readable, ulong* writable, ulong* exceptional, long timeoutNs)
    {
        const short reads = PollDescriptor.POLLIN | PollDescriptor.POLLHUP | PollDescriptor.POLLERR;
        const short writes = PollDescriptor.POLLOUT | PollDescriptor.POLLERR;
        const short exceptions = 0x2;
        if (count is < 0 or > SelectBits)
        {
            return -Errno.EINVAL;
        }

        PollDescriptor* descriptors = stackalloc PollDescriptor[SelectBits];
        int used = 0;
        for (int i = 0; i < count; i++)
        {
            int events = (Has(readable, i) ? PollDescriptor.POLLIN : 0) | (Has(writable, i) ? PollDescriptor.POLLOUT : 0)
                | (Has(exceptional, i) ? exceptions : 0);
            if (events != 0)
            {
                descriptors[used++] = new PollDescriptor { Descriptor = i, Events = (short)events };
            }
        }

        int ready = Wait(descriptors, used, timeoutNs);
        if (ready < 0)
        {
            return ready;
        }

        for (int i = 0; i < used; i++)
        {
            if ((descriptors[i].ReturnedEvents & PollDescriptor.POLLNVAL) != 0)
            {
                return -Errno.EBADF;
            }
        }

        int bits = 0;
        for (int i = 0; i < used; i++)
        {
            bits += Keep(readable, descriptors[i], reads) + Keep(writable, descriptors[i], writes) + Keep(exceptional, descriptors[i], exceptions);
        }

        return bits;
    }

    private static bool Has(ulong* set, int bit) => set != null && (set[bit / 64] >> (bit % 64) & 1) != 0;

    /// <summary>Clears the bit of what is not ready. 1 when it stays.</summary>
    private static int Keep(ulong* set, PollDescriptor polled, short events)
    {
        if (!Has(set, polled.Descriptor))
        {
            return 0;
        }

        if ((polled.ReturnedEvents & events) != 0)
        {
            return 1;
        }

        set[polled.Descriptor / 64] &= ~(1UL << (polled.Descriptor % 64));
        return 0;
    }

    /// <summary>What is ready now.</summary>
    private static int Look(PollDescriptor* descriptors, int count)
    {
        int ready = 0;
        bool hasOthers = false;
        for (int i = 0; i < count; i++)
        {
            descriptors[i].ReturnedEvents = 0;
            if (SocketTable.Find(descriptors[i].Descriptor) is { } socket)
            {
                descriptors[i].ReturnedEvents = socket.Poll(descriptors[i].Events);
                ready += descriptors[i].ReturnedEvents != 0 ? 1 : 0;
            }
            else
            {
                hasOthers |= descriptors[i].Descriptor >= 0;
            }
        }

        return hasOthers ? ready + LookAtOthers(descriptors, count) : ready;
    }

    private static int LookAtOthers(PollDescriptor* descriptors, int count)
    {
        var others = new PollDescriptor[count];
        for (int i = 0; i < count; i++)
        {
            others[i] = OtherThanSocket(descriptors[i]);
        }

        int ready = Events.Wait(others, 0);
        for (int i = 0; i < count; i++)
        {
            descriptors[i].ReturnedEvents |= others[i].ReturnedEvents;
        }

        return ready;
    }

    // poll(2) passes by negative descriptors.
    private static PollDescriptor OtherThanSocket(PollDescriptor polled) =>
        SocketTable.Find(polled.Descriptor) is null ? polled with { ReturnedEvents = 0 } : new PollDescriptor { Descriptor = -1 };

    /// <summary>Sleeps until something happens to any of them, or until the time. Returns what is ready already, or a negative error number.</summary>
    private static int Sleep(PollDescriptor* descriptors, int count, long deadlineNs)
    {
        Waiter waiter = Waiter.Current;
        var sockets = new StreamSocket?[count];
        var waited = new PollDescriptor[(count * StreamSocket.DescriptorsMax) + 1];
        int used = 1;
        waited[0] = new PollDescriptor { Descriptor = waiter.Descriptor, Events = PollDescriptor.POLLIN };
        long untilNs = deadlineNs;
        for (int i = 0; i < count; i++)
        {
            if ((sockets[i] = SocketTable.Find(descriptors[i].Descriptor)) is { } socket)
            {
                untilNs = Math.Min(untilNs, socket.BeginWait(waiter, waited, ref used));
            }
            else
            {
                waited[used++] = descriptors[i] with { ReturnedEvents = 0 };
            }
        }

        // Armed first, then looked: what happens after the look wakes.
        int ready = Look(descriptors, count);
        if (ready == 0)
        {
            ready = Sleep(waited.AsSpan(0, used), untilNs);
        }

        foreach (StreamSocket? socket in sockets)
        {
            socket?.EndWait(waiter);
        }

        waiter.Drain();
        return ready;
    }

    /// <summary>0, or a negative error number: a signal ends the wait, as poll(2) says.</summary>
    private static int Sleep(Span<PollDescriptor> waited, long untilNs)
    {
        TimeSpec timeout = TimeSpec.FromNanoseconds(untilNs - StreamSocket.NowNs);
        fixed (PollDescriptor* first = waited)
        {
            return Events.Poll(first, (nuint)waited.Length, untilNs == long.MaxValue ? null : &timeout, null) >= 0
                ? 0
                : -Marshal.GetLastPInvokeError();
        }
    }
}
