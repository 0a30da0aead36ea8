using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Drawing;

/// <summary>Draws a connection: who, how deep, what kinds of work.</summary>
internal static class ConnectionDrawing
{
    public static ConnectionPlan Draw(Dice dice, int index, int guests, int queues, bool isBig)
    {
        int left = dice.Between(0, guests - 1);
        int right = dice.Between(0, guests - 1);
        if (dice.Chance(0.8))
            right = (left + dice.Between(1, guests - 1)) % guests;
        bool isEager = dice.Chance(0.25);
        QueuePairType service = dice.Pick(
            QueuePairType.Rc, QueuePairType.Rc, QueuePairType.Rc, QueuePairType.Rc, QueuePairType.Rc, QueuePairType.Uc, QueuePairType.Ud);
        return new ConnectionPlan
        {
            Index = index,
            Service = service,
            UsesGroup = service == QueuePairType.Ud && dice.Chance(0.5),
            MtuBytes = dice.Pick(256, 512, 1024, 1024, 2048, 4096, 4096),
            Timeout = (byte)dice.Between(9, 13),
            RetryCount = (byte)(dice.Chance(0.85) ? 7 : dice.Between(0, 6)),
            RnrRetry = (byte)(dice.Chance(0.85) ? 7 : dice.Between(0, 6)),
            RnrTimer = (byte)dice.Between(1, 14),
            RdAtomic = (byte)dice.Pick(1, 2, 4, 16),
            Left = DrawEnd(dice, service, left, queues, isBig, isEager),
            Right = DrawEnd(dice, service, right, queues, isBig, isEager),
        };
    }

    private static EndPlan DrawEnd(Dice dice, QueuePairType service, int guest, int queues, bool isBig, bool isEager)
    {
        int receiveDepth = isBig ? dice.Between(1, 4) : dice.Pick(1, 2, 4, 8, 16, 32);
        int areaBytes = isBig ? dice.Pick(1 << 20, 4 << 20) : dice.Pick(4 << 10, 16 << 10, 64 << 10);
        int requests = isBig ? dice.Between(4, 12) : dice.Between(0, isEager ? 120 : 60);
        return new EndPlan
        {
            Guest = guest,
            SendDepth = dice.Pick(1, 2, 4, 8, 16, 64),
            ReceiveDepth = receiveDepth,
            SendSges = dice.Pick(1, 1, 2, 4, 8),
            ReceiveSges = dice.Pick(1, 1, 2, 4),
            InlineBytes = dice.Pick(0, 0, 64, 220),
            SendQueue = dice.Between(0, queues - 1),
            ReceiveQueue = dice.Between(0, queues - 1),
            Requests = requests,
            BurstMax = isEager ? 32 : dice.Between(1, 12),
            ThinkNsMax = isEager ? 2_000 : dice.Pick<long>(5_000, 50_000, 400_000),
            UnsignaledRate = dice.Pick(0, 0.3, 0.7, 0.95),
            FenceRate = dice.Pick(0, 0.1, 0.4),
            ReceiveBytes = isBig ? dice.Pick(64 << 10, 1 << 20, 2 << 20) : dice.Pick(256, 2048, 8192, 32 << 10),
            TargetBytes = areaBytes,
            LandingBytes = areaBytes,
            ReceiveDelayNsMax = dice.Pick<long>(0, 0, 10_000, 100_000, 1_500_000),
            Weights = DrawWeights(dice, service),
            UsesSharedReceives = dice.Chance(0.25),
            Window = service == QueuePairType.Rc && dice.Chance(0.5)
                ? dice.Pick(WindowKind.Type1, WindowKind.Type2, WindowKind.FastRegistration)
                : WindowKind.None,
            ViolationAt = service == QueuePairType.Rc && dice.Chance(0.12) ? dice.Between(0, requests) : -1,
        };
    }

    // All kinds together, or one or two of them alone: pure streams find other mistakes than mixtures.
    private static int[] DrawWeights(Dice dice, QueuePairType service)
    {
        int kinds = Traffic.Operations.CountOf(service);
        int[] weights = new int[Traffic.Operations.Count];
        if (dice.Chance(0.6))
        {
            weights.AsSpan(0, kinds).Fill(1);
            return weights;
        }
        weights[dice.Between(0, kinds - 1)] = 3;
        weights[dice.Between(0, kinds - 1)] += 1;
        return weights;
    }
}
