namespace RoceEngine.Simulation.Tests;

public class DeterminismTests
{
    [Theory]
    [InlineData(3)]
    [InlineData(17)]
    [InlineData(42)]
    [InlineData(1_000_003)]
    public void The_same_seed_gives_the_same_world(ulong seed)
    {
        SimulationOutcome first = Simulation.Run(seed);
        SimulationOutcome second = Simulation.Run(seed);
        Assert.Equal((first.Hash, first.EndNs, first.Events), (second.Hash, second.EndNs, second.Events));
        Assert.True(first.Events > 50, $"hardly anything happened: {first.Events} events");
    }

    [Fact]
    public void Worlds_that_run_beside_each_other_are_the_same_as_alone()
    {
        ulong[] alone = [.. Enumerable.Range(1, 12).Select(seed => Simulation.Run((ulong)seed).Hash)];
        ulong[] together = new ulong[alone.Length];
        Parallel.For(0, alone.Length, i => together[i] = Simulation.Run((ulong)i + 1).Hash);
        Assert.Equal(alone, together);
    }

    [Fact]
    public void Different_seeds_give_different_worlds() =>
        Assert.Equal(20, Enumerable.Range(1, 20).Select(seed => Simulation.Run((ulong)seed).Hash).Distinct().Count());

    [Fact]
    public void Looking_at_a_world_does_not_change_it()
    {
        var seen = new List<string>();
        SimulationOutcome watched = Simulation.Run(7, new SimulationSettings { Listener = each => seen.Add(each.ToString()), Tap = new IgnoringTap() });
        SimulationOutcome alone = Simulation.Run(7);
        Assert.Equal(alone.Hash, watched.Hash);
        Assert.Equal(watched.Events, seen.Count);
    }

    private sealed class IgnoringTap : Links.IPacketTap
    {
        public void OnDatagram(
            in Wire.Gid source, in Wire.Gid destination, ushort sourcePort, byte tos, ushort identification, ReadOnlySpan<byte> udpPayload, bool outgoing, long nowNs)
        {
        }
    }
}
