using RoceEngine.Simulation.Drawing;
using RoceEngine.Verbs;
using RoceEngine.Wire;

namespace RoceEngine.Simulation.Tests;

/// <summary>The checks themselves are checked: a defect put between the engine and them on purpose is noticed, and called by its name.</summary>
public class InterferenceTests
{
    private const int WorldsMax = 100;

    [Fact]
    public void A_completion_delivered_twice_is_noticed() => AssertNoticed(() => new DoubledCompletion(), "but nothing is outstanding", "before #", "the oldest outstanding is");

    [Fact]
    public void A_completion_that_vanishes_is_noticed() =>
        AssertNoticed(() => new VanishingCompletion(), "before #", "the oldest outstanding is", "came to an end", "was flushed", "beyond its buffer", "arrived, but", "sent was");

    [Fact]
    public void Two_completions_in_the_wrong_order_are_noticed() => AssertNoticed(() => new SwappedCompletions(), "before #", "the oldest outstanding is", "nothing is outstanding");

    [Fact]
    public void A_failure_that_is_called_success_is_noticed() => AssertNoticed(() => new WhitewashedFailure(), "should have failed", "after a failure", "completed as", "was not signalled", "says", "never sent", "brought other bytes");

    [Fact]
    public void A_success_that_is_called_failure_is_noticed() => AssertNoticed(() => new SlanderedSuccess(), "nothing in this world explains");

    [Fact]
    public void A_byte_written_outside_of_every_registration_is_noticed() => AssertNoticed(() => new StrayByte(0), "which nobody registered");

    [Fact]
    public void A_byte_of_a_target_that_changes_by_itself_is_noticed() => AssertNoticed(() => new StrayByte(64 + 8 + 11), "is not what was written there last");

    [Fact]
    public void A_word_for_atomics_that_changes_by_itself_is_noticed() => AssertNoticed(() => new StrayByte(64 + 3), "a sequential model says");

    [Fact]
    public void A_payload_spoiled_behind_the_checksum_is_noticed() =>
        AssertNoticed(() => new SpoiledPayload(), "does not hold what was sent", "brought other bytes", "is not what was written there last", "never sent like this");

    [Fact]
    public void An_answer_to_an_atomic_that_is_off_by_one_is_noticed() => AssertNoticed(() => new WrongAtomicAnswer(), "a sequential model says", "which no addition explains");

    [Fact]
    public void A_datagram_to_a_group_that_is_dealt_out_twice_is_noticed() => 
        AssertNoticedIn(HasOrderlyGroup, () => new DoubledGroupDatagram(), "came twice");

    [Fact]
    public void A_masked_addition_that_carries_too_far_is_noticed() => AssertNoticed(() => new CarryingAddition(), "a sequential model says");

    /// <summary>
    /// Where a datagram that comes twice is nobody's fault but the host's: the group's members are apart, the network doubles nothing, and no device
    /// changes between the two ways to a group.
    /// </summary>
    private static bool HasOrderlyGroup(WorldPlan plan)
    {
        int[] moved = [.. plan.Moves.Where(move => move.Kind.StandsStill()).Select(move => move.Guest)];
        return !plan.Faults.Phases.Any(phase => phase.Shuffles) && plan.Connections.Any(each =>
            each.UsesGroup && plan.HostOfGuest[each.Left.Guest] != plan.HostOfGuest[each.Right.Guest] && each.Left.Requests + each.Right.Requests > 20
            && !moved.Contains(each.Left.Guest) && !moved.Contains(each.Right.Guest));
    }

    private static void AssertNoticed(Func<Interference> make, params string[] messages) => AssertNoticedIn(_ => true, make, messages);

    /// <summary>Runs worlds of a kind until the defect shows; it must within a few, with one of the messages.</summary>
    internal static void AssertNoticedIn(Func<WorldPlan, bool> isOfKind, Func<Interference> make, params string[] messages)
    {
        int worlds = 0;
        for (ulong seed = 1; worlds < WorldsMax; seed++)
        {
            if (!isOfKind(WorldDrawing.Draw(seed)))
                continue;
            worlds++;
            SimulationOutcome outcome = Simulation.Run(seed, new SimulationSettings { Interference = make() });
            if (outcome.Failure is not { } failure)
                continue;
            Assert.True(messages.Any(each => failure.Contains(each, StringComparison.Ordinal)), $"seed {seed}: {failure}");
            return;
        }
        Assert.Fail($"not noticed within {WorldsMax} worlds");
    }

    private sealed class DoubledCompletion : Interference
    {
        private int _polls;

        public override void OnPolled(List<WorkCompletion> completions)
        {
            if (++_polls == 40)
                completions.Add(completions[^1]);
        }
    }

    private sealed class VanishingCompletion : Interference
    {
        private int _polls;

        public override void OnPolled(List<WorkCompletion> completions)
        {
            if (++_polls == 40)
                completions.RemoveAt(0);
        }
    }

    private sealed class SwappedCompletions : Interference
    {
        public override void OnPolled(List<WorkCompletion> completions)
        {
            if (completions.Count > 1 && completions[0].QueuePairNumber == completions[1].QueuePairNumber
                && (completions[0].WorkRequestId ^ completions[1].WorkRequestId) >> 63 == 0)
                (completions[0], completions[1]) = (completions[1], completions[0]);
        }
    }

    private sealed class WhitewashedFailure : Interference
    {
        public override void OnPolled(List<WorkCompletion> completions)
        {
            for (int i = 0; i < completions.Count; i++)
            {
                if (completions[i].Status != CompletionStatus.Success)
                    completions[i] = completions[i] with { Status = CompletionStatus.Success };
            }
        }
    }

    private sealed class SlanderedSuccess : Interference
    {
        private int _polls;

        public override void OnPolled(List<WorkCompletion> completions)
        {
            if (++_polls >= 20 && completions[0].WorkRequestId >> 63 == 0 && completions[0].Status == CompletionStatus.Success)
                completions[0] = completions[0] with { Status = CompletionStatus.RemoteOperationError };
        }
    }

    private sealed class StrayByte(int offset) : Interference
    {
        public override void OnCompare(Span<byte> memory) => memory[offset] ^= 0x40;
    }

    /// <summary>Hands packets on through another link's eyes.</summary>
    internal abstract class LinkDefect : Interference
    {
        public override ILink Wrap(ILink link) => new Between(this, link);

        protected abstract void OnPacket(in Packet packet, in Gid source, in Gid destination, IPacketReceiver receiver);

        private sealed class Between(LinkDefect owner, ILink inner) : ILink, IPacketReceiver
        {
            private IPacketReceiver? _receiver;

            public bool HasRoom => inner.HasRoom;

            public int PollDescriptor => inner.PollDescriptor;

            public void Emit(in Packet packet, Route route) => inner.Emit(packet, route);

            public void Flush() => inner.Flush();

            public int Receive(IPacketReceiver receiver, int packetsMax)
            {
                _receiver = receiver;
                return inner.Receive(this, packetsMax);
            }

            public int JoinMulticast(in Gid group) => inner.JoinMulticast(group);

            public void LeaveMulticast(in Gid group) => inner.LeaveMulticast(group);

            public void OnPacket(in Packet packet, in Gid source, in Gid destination) => owner.OnPacket(packet, source, destination, _receiver!);

            public void Dispose() => inner.Dispose();
        }
    }

    private sealed unsafe class SpoiledPayload : LinkDefect
    {
        private int _packets;

        protected override void OnPacket(in Packet packet, in Gid source, in Gid destination, IPacketReceiver receiver)
        {
            if (packet.PayloadBytes > 16 && ++_packets > 30)
                packet.Segments[0].Address[7] ^= 1;
            receiver.OnPacket(packet, source, destination);
        }
    }

    private sealed class DoubledGroupDatagram : LinkDefect
    {
        protected override void OnPacket(in Packet packet, in Gid source, in Gid destination, IPacketReceiver receiver)
        {
            receiver.OnPacket(packet, source, destination);
            if (destination.IsMulticast)
                receiver.OnPacket(packet, source, destination);
        }
    }

    /// <summary>As though the word were one field.</summary>
    private sealed class CarryingAddition : LinkDefect
    {
        protected override void OnPacket(in Packet packet, in Gid source, in Gid destination, IPacketReceiver receiver)
        {
            Packet changed = packet;
            if (packet.Opcode == Opcode.RcMaskedFetchAdd)
                changed.CompareMaskOrBoundary = 0;
            receiver.OnPacket(changed, source, destination);
        }
    }

    /// <summary>As though a request had been carried out twice.</summary>
    private sealed class WrongAtomicAnswer : LinkDefect
    {
        protected override void OnPacket(in Packet packet, in Gid source, in Gid destination, IPacketReceiver receiver)
        {
            Packet changed = packet;
            if (packet.Opcode == Opcode.RcAtomicAcknowledge)
                changed.OriginalValue += 1;
            receiver.OnPacket(changed, source, destination);
        }
    }
}
