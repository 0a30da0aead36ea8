namespace RoceEngine.Simulation.Drawing;

/// <summary>Draws a world from a seed: mostly small ones, some big.</summary>
internal static class WorldDrawing
{
    /// <summary>Most worlds have traffic for about as long.</summary>
    private const long HorizonNs = 4_000_000;

    public static WorldPlan Draw(ulong seed)
    {
        var dice = new Dice(seed * 0x9E37_79B9_7F4A_7C15 + 1);
        bool isBig = dice.Chance(0.04);
        int hosts = dice.Pick(2, 2, 2, 3, 3, 4, 5);
        int[] hostOfGuest = DrawGuests(dice, hosts);
        int queues = dice.Between(1, 3);
        int count = dice.Between(1, isBig ? 3 : Math.Min(6, hosts + 2));
        var connections = new List<ConnectionPlan>(count);
        for (int i = 0; i < count; i++)
            connections.Add(ConnectionDrawing.Draw(dice.Fork(), i, hostOfGuest.Length, queues, isBig));
        return new WorldPlan
        {
            Seed = seed,
            IsIPv6 = dice.Chance(0.3),
            HostCount = hosts,
            HostOfGuest = hostOfGuest,
            CompletionQueues = queues,
            WindowBytes = dice.Pick<long>(16 << 10, 64 << 10, 256 << 10, 1 << 20),
            TurnNsMax = dice.Pick<long>(400, 1_000, 3_000, 20_000),
            PollNsMax = dice.Pick<long>(0, 0, 2_000, 20_000, 200_000),
            SourceBytes = isBig ? Checking.Pattern.Bytes - (1 << 20) : 128 << 10,
            Connections = connections,
            Faults = FaultDrawing.Draw(dice.Fork(), hosts, connections),
            Moves = MoveDrawing.Draw(dice.Fork(), hostOfGuest, hosts, HorizonNs),
            IsStock = MoveDrawing.DrawStock(dice.Fork(), hostOfGuest.Length),
        };
    }

    // Every host has a guest; some have more, so that there are local links.
    private static int[] DrawGuests(Dice dice, int hosts)
    {
        var hostOfGuest = new List<int>();
        for (int host = 0; host < hosts; host++)
        {
            for (int i = dice.Pick(1, 1, 2, 3); i > 0; i--)
                hostOfGuest.Add(host);
        }
        return [.. hostOfGuest];
    }
}
