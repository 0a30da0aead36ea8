using System.Reflection;
using RoceEngine.Abi;
using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Device;

/// <summary>What stands in the state of a device, in this order.</summary>
/// <remarks>
/// <code>
///   head             version, address, bytes of guest memory, limits that must be the same
///   registers        and what the command slot needs
///   statistics       of the device and of the protocol
///   interrupts       cause, mask, held back
///   GIDs
///   contexts, PDs, MRs (with keys and pages), CQs, SRQs, QPs (with rings, requests under way and protocol), MWs
///   groups           and their members
///   event rings      and what waits for room in them
/// </code>
/// Each table of objects comes with its free handles, so that the next object gets the handle that it would have got. Guest memory is no part of it:
/// addresses are page numbers in it.
/// </remarks>
internal static class DeviceState
{
    /// <summary>Version of the layout. Another one is refused.</summary>
    public const ushort Version = 1;

    private const uint HeadMark = 0x56_45_44_56;
    private const uint ObjectsMark = 0x4A_42_4F_56;
    private const uint EndMark = 0x44_4E_45_56;

    /// <summary>What must fit before anything else is looked at.</summary>
    public static void TransferHead(StateCursor state, DeviceCore core)
    {
        state.Mark(HeadMark);
        ushort version = state.Value(Version);
        if (version != Version)
        {
            throw new StateException($"the device state has version {version}; this host knows version {Version}");
        }

        Gid address = state.Value(core.Options.Gid);
        state.Check(address == core.Options.Gid, $"it is the state of {address} and not of {core.Options.Gid}");
        long ramBytes = state.Value(core.Ram.Bytes);
        state.Check(ramBytes == core.Ram.Bytes, $"it was saved over {ramBytes} bytes of guest memory, and is loaded over {core.Ram.Bytes}");
        int mtuBytes = state.Value(core.Options.ActiveMtuBytes);
        if (mtuBytes > core.Options.ActiveMtuBytes)
        {
            throw new StateException($"the device's port has an MTU of {mtuBytes} bytes, which this host's {core.Options.ActiveMtuBytes} cannot carry");
        }
    }

    /// <summary>Everything but registers.</summary>
    public static void TransferObjects(StateCursor state, DeviceCore core)
    {
        DeviceObjects objects = core.Objects;
        state.Value(ref core.Statistics);
        TransferCounters(state, core.Protocol.Counters);
        core.Interrupts.Transfer(state);
        core.Gids.Transfer(state);
        state.Mark(ObjectsMark);
        objects.Contexts.Transfer(state, handle => new UserContext { Handle = handle });
        foreach (UserContext context in objects.Contexts.All())
        {
            state.Value(ref context.UarPageFrame);
        }

        objects.Domains.Transfer(state, handle => new ProtectionDomain { Handle = handle });
        foreach (ProtectionDomain domain in objects.Domains.All())
        {
            TransferDomain(state, domain, objects);
        }

        Walk(state, objects.Regions, region => MemoryRegion.Transfer(state, region, objects, core.Ram), (region, handle) => region.Handle = handle);
        Walk(state, objects.CompletionQueues, queue => CompletionQueue.Transfer(state, queue, objects, core.Ram), (queue, handle) => queue.Handle = handle);
        Walk(state, objects.SharedReceiveQueues, queue => SharedReceiveQueue.Transfer(state, queue, objects, core.Ram), (queue, handle) => queue.Handle = handle);
        Walk(state, objects.QueuePairs, qp => QueuePairRecordState.Transfer(state, qp, core), (qp, handle) => qp.Handle = handle);
        Walk(state, objects.Windows, window => MemoryWindow.Transfer(state, window, objects), (window, handle) => window.Handle = handle);
        foreach (DeviceQueuePair qp in objects.QueuePairs.All())
        {
            qp.Protocol.Transfer(state);
        }

        core.Multicast.Transfer(state);
        core.Events.Transfer(state);
        state.Mark(EndMark);
        state.Check(objects.PinnedPages <= core.Limits.PinnedPages, "the guest names more pages than this host allows");
    }

    /// <summary>The handles of a table, then its objects in their order; when loading, each is made by <paramref name="transfer"/>.</summary>
    private static void Walk<T>(StateCursor state, ResourceTable<T> table, Func<T?, T> transfer, Action<T, uint> setHandle)
        where T : class
    {
        if (state.IsLoading)
        {
            table.Transfer(state, handle =>
            {
                T item = transfer(null);
                setHandle(item, handle);
                return item;
            });
        }
        else
        {
            table.Transfer(state, null!, item => transfer(item));
        }
    }

    private static void TransferDomain(StateCursor state, ProtectionDomain domain, DeviceObjects objects)
    {
        uint contextHandle = state.Value(domain.Context?.Handle ?? 0);
        if (state.IsLoading)
        {
            domain.Context = objects.Contexts[contextHandle];
            if (domain.Context is not null)
            {
                domain.Context.References++;
            }
        }
    }

    /// <summary>All counters of the protocol by their names, so that one more or less is no other format.</summary>
    private static void TransferCounters(StateCursor state, ProtocolCounters counters)
    {
        Dictionary<string, FieldInfo> fields = typeof(ProtocolCounters).GetFields().ToDictionary(field => field.Name);
        string[] names = [.. fields.Keys.Order(StringComparer.Ordinal)];
        int count = state.Count(names.Length, 1024);
        Span<byte> text = stackalloc byte[byte.MaxValue];
        for (int i = 0; i < count; i++)
        {
            string name = state.IsLoading ? "" : names[i];
            int bytes = state.Value((byte)System.Text.Encoding.ASCII.GetBytes(name, text));
            state.Bytes(text[..bytes]);
            name = System.Text.Encoding.ASCII.GetString(text[..bytes]);
            FieldInfo? field = fields.GetValueOrDefault(name);
            long value = state.Value((long)(field?.GetValue(counters) ?? 0L));
            if (state.IsLoading)
            {
                field?.SetValue(counters, value);
            }
        }
    }
}
