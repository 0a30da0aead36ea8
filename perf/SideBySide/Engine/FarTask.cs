using RoceEngine.Interop;
using RoceEngine.Verbs;

namespace RoceEngine.SideBySide.Engine;

/// <summary>What the far end of a pair does.</summary>
internal enum FarTask
{
    /// <summary>Nothing of its own: it is written to and read from. Lets an inline host work.</summary>
    Serve,

    /// <summary>Takes messages and posts receives.</summary>
    Receive,

    /// <summary>Answers each WRITE by one of the same length.</summary>
    EchoWrites,

    /// <summary>Answers each SEND by one of the same length.</summary>
    EchoSends,
}

/// <summary>The far end's loops, the same on a thread beside the near end and in a process of their own.</summary>
/// <param name="guest">The far guest.</param>
/// <param name="near">Whom it answers.</param>
/// <param name="looksPerPoll">See <see cref="IEnginePair.LooksPerPoll"/>.</param>
/// <param name="spinsBeforeYield">See <see cref="IEnginePair.SpinsBeforeYield"/>.</param>
/// <param name="drives">True where its polls let the host work.</param>
internal sealed class FarLoops(Guest guest, GuestAddress near, int looksPerPoll, int spinsBeforeYield, bool drives)
{
    /// <summary>One message in so many is signalled, which keeps the send queue from filling.</summary>
    public const int SignalEvery = 64;

    /// <summary>The far guest sees nothing of a WRITE, so it cannot tell when it spins in vain: it lets others run now and then.</summary>
    private const int ServingPollsPerYield = 2000;

    private static readonly TimeSpan s_stopLook = TimeSpan.FromMilliseconds(2);

    /// <summary>Works until told to stop.</summary>
    public void Run(FarTask task, int messageBytes, byte seen, Func<bool> isStopping)
    {
        switch (task)
        {
            case FarTask.Serve:
                Serve(isStopping);
                break;
            case FarTask.Receive:
                Receive(isStopping);
                break;
            case FarTask.EchoWrites:
                EchoWrites(messageBytes, seen, isStopping);
                break;
            default:
                EchoSends(messageBytes, isStopping);
                break;
        }
    }

    private void Serve(Func<bool> isStopping)
    {
        for (int polls = 0; !isStopping(); polls++)
        {
            if (!drives)
            {
                Thread.Sleep(s_stopLook);
                continue;
            }
            guest.Poll();
            if (polls % ServingPollsPerYield == 0)
                _ = Scheduling.Yield();
        }
    }

    private void Receive(Func<bool> isStopping)
    {
        var patience = new Patience(spinsBeforeYield);
        while (!isStopping())
        {
            guest.Poll(out int received);
            if (received == 0)
                patience.Wait();
            else
                patience.Reset();
        }
    }

    private void EchoWrites(int messageBytes, byte seen, Func<bool> isStopping)
    {
        var arrival = new MarkedArrival(guest, messageBytes, looksPerPoll);
        var patience = new Patience(spinsBeforeYield);
        while (!isStopping())
        {
            byte number = (byte)(seen + 1);
            if (!arrival.Look(number))
            {
                guest.Poll();
                patience.Wait();
                continue;
            }
            seen = number;
            patience.Reset();
            MarkedArrival.Mark(guest, messageBytes, number);
            guest.PostAtOnce(SendOpcode.Write, near, messageBytes, signalled: number % SignalEvery == 0);
            guest.Poll();
        }
    }

    private void EchoSends(int messageBytes, Func<bool> isStopping)
    {
        var patience = new Patience(spinsBeforeYield);
        long answered = 0;
        while (!isStopping())
        {
            guest.Poll(out int received);
            if (received == 0)
            {
                patience.Wait();
                continue;
            }
            patience.Reset();
            guest.PostAtOnce(SendOpcode.Send, near, messageBytes, signalled: ++answered % SignalEvery == 0);
        }
    }
}

/// <summary>A WRITE is seen by its last byte, which becomes visible last: it carries a running number.</summary>
internal readonly unsafe struct MarkedArrival(Guest guest, int messageBytes, int looks)
{
    private readonly byte* _last = guest.Arrivals + messageBytes - 1;

    /// <summary>True when the message of that number is there; looks several times before it says no.</summary>
    public bool Look(byte number)
    {
        for (int look = 0; look < looks; look++)
        {
            if (Volatile.Read(ref *_last) == number)
                return true;
        }
        return false;
    }

    /// <summary>Puts the number into the message that is sent next.</summary>
    public static void Mark(Guest guest, int messageBytes, byte number) => guest.SendArea[messageBytes - 1] = number;
}
