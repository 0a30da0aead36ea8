using System.Reflection;
using RoceEngine.Channel;
using RoceEngine.Host;
using RoceEngine.Simulation.Drawing;
using RoceEngine.Wire;

namespace RoceEngine.Simulation.Tests;

/// <summary>The checks of moves and snapshots are checked: what gets lost or happens twice on the way of a device is noticed.</summary>
public class MoveInterferenceTests
{
    private const string Unexplained = "nothing in this world explains it";
    private const string NoEnd = "came to an end";

    [Fact]
    public void A_request_under_way_that_is_left_behind_is_noticed() =>
        AssertNoticed(() => new LostRequest(), "the oldest outstanding is", "before #", "nothing is outstanding", NoEnd, Unexplained, "to be told");

    [Fact]
    public void A_sequence_number_that_is_off_by_one_is_noticed() =>
        AssertNoticed(() => new SkippedNumber(), "is not what was written there last", "arrived, but no receive", "brought other bytes", "a sequential model says", "says", NoEnd, Unexplained);

    [Fact]
    public void Answers_of_atomics_that_are_not_kept_are_noticed() =>
        InterferenceTests.AssertNoticedIn(HasAtomicsInPeace, () => new ForgottenAnswers(), Unexplained, NoEnd, "which no addition explains", "a sequential model says");

    [Fact]
    public void An_atomic_that_is_forgotten_and_happens_again_is_noticed() =>
        AssertNoticed(() => new ForgottenAtomic(), "which no addition explains", "a sequential model says", Unexplained);

    [Fact]
    public void A_page_that_the_device_wrote_and_that_stays_behind_is_noticed() => InterferenceTests.AssertNoticedIn(
        plan => plan.Moves.Any(move => move.Kind == MoveKind.Copied && move.QuiesceNs > 0),
        () => new StalePage(),
        "is not what was written there last", "the oldest outstanding is", "before #", "does not hold what was sent", "brought other bytes", "a sequential model says",
        "which no addition explains", "never sent", "which was destroyed", "nothing is outstanding", "is not outstanding", "without a cause", "beyond its", NoEnd, Unexplained);

    [Fact]
    public void A_device_that_runs_at_both_hosts_is_noticed() => AssertNoticed(() => new TwoHosts(), "hosts serve its device at the same time");

    [Fact]
    public void A_second_life_that_goes_on_with_the_numbers_of_the_first_is_noticed() =>
        AssertNoticed(() => new SecondLife(), "with sequence numbers that were used", "restored while it lives elsewhere, it sent");

    /// <summary>Many moves and atomics, and nothing that excuses a silence.</summary>
    private static bool HasAtomicsInPeace(WorldPlan plan) =>
        plan.Moves.Count > 4 && plan.Faults.Partitions.Count + plan.Faults.Stalls.Count == 0 && !plan.Faults.Phases.Any(phase => phase.IsSevere)
        && plan.Connections.Any(each =>
            each.Service == Verbs.QueuePairType.Rc && each.RetryCount == 7
            && each.Left.Weights[(int)Traffic.Operation.FetchAdd] + each.Right.Weights[(int)Traffic.Operation.FetchAdd] > 0);

    private static void AssertNoticed(Func<Interference> make, params string[] messages) =>
        InterferenceTests.AssertNoticedIn(plan => plan.Moves.Count > 4 && plan.Connections.Any(each => each.Service == Verbs.QueuePairType.Rc), make, messages);

    private sealed class TwoHosts : Interference
    {
        public override bool ForgetsToStop => true;
    }

    private sealed class SecondLife : Interference
    {
        public override bool ForgetsEpoch => true;
    }

    /// <summary>Reaches into the reliable connections of a device that was loaded.</summary>
    private abstract class ProtocolDefect : Interference
    {
        public override void OnLoaded(DeviceSlot slot) => ForEach(slot, Spoil);

        protected abstract void Spoil(object requester, object responder);

        internal static void ForEach(DeviceSlot slot, Action<object, object> spoil)
        {
            object objects = Get(Get(slot.Device, "_core"), "Objects");
            object table = Get(objects, "QueuePairs");
            var all = (System.Collections.IEnumerable)table.GetType().GetMethod("All")!.Invoke(table, null)!;
            foreach (object record in all)
            {
                object protocol = Get(record, "Protocol");
                if (protocol.GetType().Name == "RcQueuePair")
                    spoil(Get(protocol, "_requester"), Get(protocol, "_responder"));
            }
        }

        protected static object Get(object from, string name) => MemberOf(from, name) switch
        {
            FieldInfo field => field.GetValue(from)!,
            PropertyInfo property => property.GetValue(from)!,
            _ => throw new InvalidOperationException($"{from.GetType().Name} has no {name}"),
        };

        internal static void Set(object into, string name, object? value) => ((FieldInfo)MemberOf(into, name)!).SetValue(into, value);

        private static MemberInfo? MemberOf(object of, string name)
        {
            const BindingFlags any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
            for (Type? type = of.GetType(); type is not null; type = type.BaseType)
            {
                if (type.GetField(name, any) is { } field)
                    return field;
                if (type.GetProperty(name, any) is { } property)
                    return property;
            }
            return null;
        }
    }

    /// <summary>The oldest request is gone, as though it had never been posted.</summary>
    private sealed unsafe class LostRequest : ProtocolDefect
    {
        protected override void Spoil(object requester, object responder)
        {
            byte* head = (byte*)Pointer.Unbox(Get(requester, "_head"));
            byte* cursor = (byte*)Pointer.Unbox(Get(requester, "_cursor"));
            byte* next = head == null ? null : *(byte**)head;
            if (next == null || cursor == head)
                return;

            // A slot begins with the pointer to the next one, the number of its chunk, and its first PSN.
            var first = new Psn(*(uint*)(next + 12));
            Set(requester, "_head", Pointer.Box(next, requester.GetType().GetField("_head", BindingFlags.Instance | BindingFlags.NonPublic)!.FieldType));
            Set(requester, "_oldestUnacked", first);
            if (((Psn)Get(requester, "_ackedEnd")).DistanceFrom(first) < 0)
                Set(requester, "_ackedEnd", first);
        }
    }

    private sealed class SkippedNumber : ProtocolDefect
    {
        protected override void Spoil(object requester, object responder) => Set(responder, "_expectedPsn", (Psn)Get(responder, "_expectedPsn") + 1);
    }

    /// <summary>Answers of atomics come the second time only: what a device forgets in between, nobody hears any more.</summary>
    private sealed class ForgottenAnswers : InterferenceTests.LinkDefect
    {
        private readonly HashSet<(Gid To, uint Qpn, Psn At)> _lost = [];

        public override void OnLoaded(DeviceSlot slot) =>
            ProtocolDefect.ForEach(slot, (_, responder) => ProtocolDefect.Set(responder, "_resources", null));

        protected override void OnPacket(in Packet packet, in Gid source, in Gid destination, IPacketReceiver receiver)
        {
            if (packet.Opcode != Opcode.RcAtomicAcknowledge || !_lost.Add((destination, packet.DestinationQpn, packet.Psn)))
                receiver.OnPacket(packet, source, destination);
        }
    }

    /// <summary>The last request was an atomic: it is in memory, and not in the state.</summary>
    private sealed class ForgottenAtomic : ProtocolDefect
    {
        protected override void Spoil(object requester, object responder)
        {
            var field = responder.GetType().GetField("_resources", BindingFlags.Instance | BindingFlags.NonPublic)!;
            if (field.GetValue(responder) is not { } resources || (uint)Get(resources, "_count") == 0)
                return;
            var ring = (Array)Get(resources, "_ring");
            uint last = (uint)Get(resources, "_next") - 1;
            object atomic = ring.GetValue(last & (uint)(ring.Length - 1))!;
            var at = (Psn)Get(atomic, "FirstPsn");
            if (Get(atomic, "Kind").ToString() != "Atomic" || (Psn)Get(responder, "_expectedPsn") != at + 1)
                return;
            Set(responder, "_expectedPsn", at);
            Set(resources, "_next", last);
            Set(resources, "_count", (uint)Get(resources, "_count") - 1);
            Set(resources, "_pendingFrom", Math.Min((uint)Get(resources, "_pendingFrom"), last));
        }
    }

    /// <summary>One page that the device wrote after memory was copied for the first time is not copied again.</summary>
    private sealed unsafe class StalePage : Interference
    {
        private const int PageBytes = 4096;

        private readonly Dictionary<Gid, (ChannelMemory Early, ulong[] Dirty)> _copies = [];

        public override void OnQuiesced(DeviceSlot slot)
        {
            if (_copies.ContainsKey(slot.Address))
                return;
            slot.Device.StartDirtyLog();
            _copies.Add(slot.Address, (slot.Memory.Copy(), []));
        }

        public override void OnFreezing(DeviceSlot slot)
        {
            if (slot.Device.KeepsDirtyLog)
                _copies[slot.Address] = (_copies[slot.Address].Early, slot.Device.TakeDirtyPages());
        }

        public override void OnLoaded(DeviceSlot slot)
        {
            if (!_copies.Remove(slot.Address, out (ChannelMemory Early, ulong[] Dirty) copy))
                return;
            for (int page = copy.Dirty.Length * 64 - 1; page >= 0; page--)
            {
                if ((copy.Dirty[page >> 6] >> (page & 63) & 1) == 0)
                    continue;
                var stale = new ReadOnlySpan<byte>(copy.Early.GuestRam + (long)page * PageBytes, PageBytes);
                var fresh = new Span<byte>(slot.Memory.GuestRam + (long)page * PageBytes, PageBytes);
                if (stale.SequenceEqual(fresh))
                    continue;
                stale.CopyTo(fresh);
                break;
            }
            copy.Early.Release();
        }
    }
}
