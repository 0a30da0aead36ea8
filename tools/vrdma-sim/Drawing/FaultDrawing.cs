using RoceEngine.Links;

namespace RoceEngine.Simulation.Drawing;

/// <summary>Draws what goes wrong: from nothing at all to a third of all datagrams lost while hosts come and go.</summary>
internal static class FaultDrawing
{
    public static FaultPlan Draw(Dice dice, int hosts, IReadOnlyList<ConnectionPlan> connections)
    {
        long horizonNs = dice.Pick<long>(500_000, 2_000_000, 8_000_000, 30_000_000);
        long endNs = horizonNs * 2;
        var phases = new List<NetworkPhase>();
        for (int i = dice.Pick(1, 1, 2, 3), fromNs = 0; i > 0; i--)
        {
            phases.Add(new NetworkPhase(fromNs, DrawNetwork(dice)));
            fromNs += (int)dice.Between(1, horizonNs / 2);
        }
        return new FaultPlan
        {
            Phases = phases,
            Partitions = DrawPartitions(dice, hosts, horizonNs),
            Stalls = DrawStalls(dice, hosts, horizonNs),
            Disruptions = DrawDisruptions(dice, connections, horizonNs),
            EndNs = endNs,
        };
    }

    private static SimulatedNetworkOptions DrawNetwork(Dice dice)
    {
        long delayNs = dice.Pick<long>(1_000, 5_000, 20_000);
        bool hasSpikes = dice.Chance(0.08);
        return new SimulatedNetworkOptions
        {
            LossRate = dice.Pick(0, 0, 0.001, 0.01, 0.03, 0.1, 0.2, 0.3),
            DuplicateRate = dice.Pick(0, 0, 0.01, 0.1),
            ReorderRate = dice.Pick(0, 0, 0.01, 0.1),
            CorruptRate = dice.Pick(0, 0, 0.002, 0.01, 0.05),
            TruncateRate = dice.Pick(0, 0, 0, 0.005),
            MarkRate = dice.Pick(0, 0, 0.01, 0.2),
            DelayMinNs = delayNs,
            DelayMaxNs = hasSpikes ? dice.Between(500_000L, 4_000_000L) : delayNs * dice.Pick(1, 1, 3),
            ReorderDelayNs = dice.Pick<long>(5_000, 50_000, 200_000),
        };
    }

    private static List<Partition> DrawPartitions(Dice dice, int hosts, long horizonNs)
    {
        var partitions = new List<Partition>();
        for (int i = dice.Pick(0, 0, 0, 1, 2); i > 0; i--)
        {
            int from = dice.Between(0, hosts - 1);
            int to = (from + dice.Between(1, hosts - 1)) % hosts;
            long fromNs = dice.Between(0, horizonNs);
            partitions.Add(new Partition(from, to, dice.Chance(0.3), fromNs, fromNs + dice.Between(1_000, horizonNs)));
        }
        return partitions;
    }

    private static List<Stall> DrawStalls(Dice dice, int hosts, long horizonNs)
    {
        var stalls = new List<Stall>();
        for (int i = dice.Pick(0, 0, 0, 1); i > 0; i--)
        {
            long fromNs = dice.Between(0, horizonNs);
            stalls.Add(new Stall(dice.Between(0, hosts - 1), fromNs, fromNs + dice.Between(1_000, horizonNs / 2)));
        }
        return stalls;
    }

    private static List<Disruption> DrawDisruptions(Dice dice, IReadOnlyList<ConnectionPlan> connections, long horizonNs)
    {
        var disruptions = new List<Disruption>();
        for (int i = dice.Pick(0, 0, 1, 2); i > 0; i--)
        {
            disruptions.Add(new Disruption(
                (DisruptionKind)dice.Weighted([4, 3, 3, 2]),
                dice.Between(0, connections.Count - 1),
                dice.Chance(0.5),
                dice.Between(0, horizonNs)));
        }
        for (int i = dice.Pick(0, 0, 1, 3); i > 0; i--)
        {
            disruptions.Add(new Disruption(
                dice.Pick(DisruptionKind.DrainSends, DisruptionKind.ResizeCompletionQueues),
                dice.Between(0, connections.Count - 1),
                dice.Chance(0.5),
                dice.Between(0, horizonNs / 4)));
        }
        return disruptions;
    }
}
