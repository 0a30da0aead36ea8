using RoceEngine.Simulation.Drawing;
using RoceEngine.Simulation.World;

namespace RoceEngine.Simulation.Traffic;

/// <summary>Carries out a world's faults at their times.</summary>
internal sealed class Disruptor(SimulatedWorld world, IReadOnlyList<Connection> connections, int completionsMax, Tally tally)
{
    /// <summary>Plans all of them, from now on.</summary>
    public void Plan()
    {
        FaultPlan faults = world.Plan.Faults;
        foreach (NetworkPhase phase in faults.Phases)
            world.After(phase.FromNs, () => Begin(phase));
        world.After(faults.EndNs, Heal);
        foreach (Partition partition in faults.Partitions)
        {
            world.After(partition.FromNs, () => Cut(partition, isCut: true));
            world.After(Math.Min(partition.UntilNs, faults.EndNs), () => Cut(partition, isCut: false));
        }
        foreach (Stall stall in faults.Stalls)
        {
            world.After(stall.FromNs, () => Begin(stall));
            world.After(stall.UntilNs, world.Touch);
        }
        foreach (Disruption disruption in faults.Disruptions)
            world.After(disruption.AtNs, () => Disrupt(disruption));
    }

    private void Begin(NetworkPhase phase)
    {
        world.Network.Options = phase.Options;
        world.Log.Add(world.NowNs, EventKind.Phase, "network", (ulong)(phase.DropRate * 1000), (ulong)phase.Options.DelayMaxNs);
    }

    private void Heal()
    {
        world.Network.Options = new Links.SimulatedNetworkOptions();
        world.Log.Add(world.NowNs, EventKind.Healed, "network");
    }

    private void Cut(Partition partition, bool isCut)
    {
        foreach (SimulatedGuest from in world.Guests)
        {
            foreach (SimulatedGuest to in world.Guests)
            {
                if (HomeOf(from) != partition.From || HomeOf(to) != partition.To)
                    continue;
                Wire.Gid source = Wire.Gid.From(from.Address);
                Wire.Gid destination = Wire.Gid.From(to.Address);
                world.Network.SetOneWayPartition(source, destination, isCut);
                if (!partition.IsOneWay)
                    world.Network.SetOneWayPartition(destination, source, isCut);
            }
        }
        world.Log.Add(world.NowNs, isCut ? EventKind.Cut : EventKind.Healed, "partition", (ulong)partition.From, (ulong)partition.To);
    }

    // A cut is one between addresses, which go with their devices.
    private int HomeOf(SimulatedGuest guest) => world.Plan.HostOfGuest[guest.Index];

    private void Begin(Stall stall)
    {
        world.Hosts[stall.Host].StalledUntilNs = world.NowNs + stall.UntilNs - stall.FromNs;
        world.Log.Add(world.NowNs, EventKind.Stalled, $"host{stall.Host}", (ulong)(stall.UntilNs - stall.FromNs));
    }

    private void Disrupt(Disruption disruption)
    {
        Connection connection = connections[disruption.Connection];
        if (disruption.Kind != DisruptionKind.KillGuest)
        {
            connection.Disrupt(disruption.Kind, disruption.IsRight);
            return;
        }
        SimulatedGuest victim = (disruption.IsRight ? connection.Right : connection.Left).Guest;
        if (!victim.IsAlive)
            return;
        tally.ByDisruption[(int)DisruptionKind.KillGuest]++;
        victim.Kill();
        world.After(world.Dice.Between(1_000, 3_000_000), () => victim.Attach(completionsMax));
    }
}
