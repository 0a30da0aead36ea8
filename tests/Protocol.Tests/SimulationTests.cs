using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>
/// Random conversations over a random network, many seeds. A failure names its seed; <c>PROTOCOL_SEED=n</c> replays just that one,
/// <c>PROTOCOL_SEEDS=n</c> runs that many.
/// </summary>
public class SimulationTests
{
    private const int SeedsByDefault = 100;
    private const long FaultsEndNs = 40_000_000;
    private const long LimitNs = 60_000_000_000;

    [Fact]
    public void Every_request_completes_once_and_in_order_on_a_faultless_network() => ForSeeds(1_000, 40, new Faults());

    [Fact]
    public void Every_request_completes_once_and_in_order_under_loss() =>
        ForSeeds(2_000, SeedsByDefault, new Faults { Loss = 0.04 });

    [Fact]
    public void Every_request_completes_once_and_in_order_under_duplication_and_reordering() =>
        ForSeeds(3_000, SeedsByDefault, new Faults { Duplication = 0.1, Reordering = 0.1 });

    [Fact]
    public void Every_request_completes_once_and_in_order_under_all_faults() =>
        ForSeeds(4_000, SeedsByDefault, new Faults { Loss = 0.02, Duplication = 0.05, Reordering = 0.05, Corruption = 0.02 });

    [Fact]
    public void Every_request_completes_once_and_in_order_under_heavy_loss() =>
        ForSeeds(6_000, SeedsByDefault, new Faults { Loss = 0.15, Duplication = 0.02, Reordering = 0.05 });

    [Fact]
    public void Every_request_completes_once_and_in_order_with_peers_that_keep_nothing_out_of_order() =>
        ForSeeds(7_000, SeedsByDefault, new Faults { Loss = 0.03, Duplication = 0.02, Reordering = 0.05 }, reorderLimitBytes: 0);

    [Fact]
    public void Every_request_completes_once_and_in_order_with_peers_that_keep_little_out_of_order() =>
        ForSeeds(8_000, SeedsByDefault, new Faults { Loss = 0.03, Duplication = 0.02, Reordering = 0.05 }, reorderLimitBytes: 8192);

    [Fact]
    public void Every_request_completes_once_and_in_order_while_the_way_changes_between_wire_and_memory() =>
        ForSeeds(5_000, SeedsByDefault, new Faults { Loss = 0.02, Duplication = 0.05, Reordering = 0.05 }, flips: true);

    private static void ForSeeds(ulong first, int count, Faults faults, bool flips = false, long? reorderLimitBytes = null)
    {
        if (ulong.TryParse(Environment.GetEnvironmentVariable("PROTOCOL_SEED"), out ulong only))
        {
            Converse(only, faults, flips, reorderLimitBytes);
            return;
        }

        if (int.TryParse(Environment.GetEnvironmentVariable("PROTOCOL_SEEDS"), out int more))
        {
            count = more;
        }

        for (ulong seed = first; seed < first + (ulong)count; seed++)
        {
            try
            {
                Converse(seed, faults, flips, reorderLimitBytes);
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"seed {seed} (replay with PROTOCOL_SEED={seed}): {failure.Message}", failure);
            }
        }
    }

    private static void Converse(ulong seed, Faults faults, bool flips, long? reorderLimitBytes)
    {
        var world = new World(seed);
        world.Network.Faults = faults;
        FakeHost[] hosts = [world.AddHost(new FlatMemory(1024, world.Random)), world.AddHost(new FlatMemory(1024, world.Random))];
        Conversation.Arena[] arenas = [new(hosts[0].Memory), new(hosts[1].Memory)];
        long windowBytes = 1L << world.Random.Next(13, 21);
        hosts[0].WindowLimitBytes = windowBytes;
        hosts[1].WindowLimitBytes = windowBytes;
        foreach (FakeHost host in hosts)
        {
            host.Resources.ReorderLimitBytes = reorderLimitBytes ?? host.Resources.ReorderLimitBytes;
        }

        var conversations = new List<Conversation>();
        int pairs = world.Random.Next(1, 4);
        for (uint i = 0; i < pairs; i++)
        {
            Connect(world, hosts, arenas, i, conversations);
        }

        if (flips)
        {
            PlanFlips(world, hosts);
        }

        world.At(FaultsEndNs, () => world.Network.Faults = new Faults());
        Assert.True(world.Run(LimitNs), "the conversation does not come to an end");
        foreach (Conversation conversation in conversations)
        {
            conversation.Verify();
        }

        VerifyNothingHeld(hosts);
    }

    private static void Connect(World world, FakeHost[] hosts, Conversation.Arena[] arenas, uint number, List<Conversation> conversations)
    {
        byte depth = (byte)world.Random.Next(1, 9);
        var options = new DuoOptions
        {
            PathMtuBytes = 256 << world.Random.Next(5),
            Timeout = 8,
            MinRnrTimer = (byte)world.Random.Next(1, 14),
            MaxRdAtomic = depth,
            MaxDestinationRdAtomic = depth,
        };
        uint psn = world.Random.Next(2) == 0 ? 0xFF_FFF0u : (uint)world.Random.Next(1 << 24);
        uint reversePsn = (uint)world.Random.Next(1 << 24);
        QueuePair first = hosts[0].Create(100 + number);
        QueuePair second = hosts[1].Create(200 + number);
        Duo.Connect(first, hosts[1].Address, 200 + number, psn, reversePsn, options);
        Duo.Connect(second, hosts[0].Address, 100 + number, reversePsn, psn, options);
        (FakeHost, QueuePair, Conversation.Arena) left = (hosts[0], first, arenas[0]);
        (FakeHost, QueuePair, Conversation.Arena) right = (hosts[1], second, arenas[1]);
        conversations.Add(new Conversation(world, left, right));
        conversations[^1].Plan(world.Random.Next(5, 40), options.PathMtuBytes);
        if (world.Random.Next(2) == 0)
        {
            conversations.Add(new Conversation(world, right, left));
            conversations[^1].Plan(world.Random.Next(5, 40), options.PathMtuBytes);
        }
    }

    private static void PlanFlips(World world, FakeHost[] hosts)
    {
        for (long timeNs = 0; timeNs < FaultsEndNs; timeNs += world.Random.Next(1_000, 200_000))
        {
            world.At(timeNs, () =>
            {
                foreach (FakeHost host in hosts)
                {
                    foreach (Path path in host.Paths.Values)
                    {
                        path.Route.IsLocal = world.Random.Next(2) == 0;
                    }
                }
            });
        }
    }

    private static void VerifyNothingHeld(FakeHost[] hosts)
    {
        foreach (FakeHost host in hosts)
        {
            Assert.Equal(0, host.Resources.SlotsInUse);
            Assert.Equal(0, host.Resources.ReorderHeldBytes);
            Assert.Equal(0, host.Timers.Count);
            Assert.All(host.Paths.Values, path => Assert.Equal(0, path.Window.InFlightBytes));
            Assert.All(host.Paths.Values, path => Assert.False(path.Window.HasWaiting));
            Assert.All(host.QueuePairs.Values, qp => Assert.Equal(QueuePairState.ReadyToSend, qp.State));
        }
    }
}
