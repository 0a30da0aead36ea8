using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests;

/// <summary>The times of a requester, value by value.</summary>
public class RequesterTimeTests
{
    public static TheoryData<byte> Codes() => [.. Enumerable.Range(1, 31).Select(code => (byte)code)];

    public static TheoryData<byte> RnrCodes() => [.. Enumerable.Range(0, 32).Select(code => (byte)code)];

    [Theory]
    [MemberData(nameof(Codes))]
    public void The_local_ack_timeout_is_4096_ns_times_two_to_the_code(byte code)
    {
        var lone = new Lone(new DuoOptions { Timeout = code });
        long timeoutNs = 4096;
        for (int i = 0; i < code; i++)
        {
            timeoutNs *= 2;
        }

        lone.PostWrite(1, 8);
        lone.Poll();
        lone.Wait(timeoutNs - 1);
        Assert.Equal(0, lone.Host.Counters.Timeouts);
        lone.Wait(1);
        Assert.Equal(1, lone.Host.Counters.Timeouts);
    }

    [Theory]
    [MemberData(nameof(RnrCodes))]
    public void A_requester_waits_as_long_as_an_rnr_nak_asks(byte code)
    {
        int[] tensOfMicroseconds =
        [
            65536, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192,
            256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768, 49152,
        ];
        var lone = new Lone(new DuoOptions { Timeout = 1 });
        lone.Post(Requests.Send(1, lone.Base, 8, lone.Key));
        lone.Poll();
        lone.Receive(lone.Acknowledge(0, AethSyndrome.RnrNak(code)));
        lone.Wait((tensOfMicroseconds[code] * 10_000L) - 1);
        Assert.Equal(0, lone.Poll());
        lone.Wait(1);
        Assert.Equal(1, lone.Poll());
        Assert.Equal(0, lone.Host.Counters.Timeouts);
    }

    [Fact]
    public void Progress_begins_the_timeout_anew()
    {
        var lone = new Lone(new DuoOptions());
        lone.PostWrite(1, 2048);
        lone.Poll();
        lone.Wait(60_000_000);
        lone.Poll();
        lone.Receive(lone.Ack(0));
        lone.Wait(AckTimeout.Nanoseconds(14) - 1);
        Assert.Equal(0, lone.Host.Counters.Timeouts);
        lone.Wait(1);
        Assert.Equal(1, lone.Host.Counters.Timeouts);
    }

    [Fact]
    public void An_rnr_wait_that_is_answered_meanwhile_is_over()
    {
        var lone = new Lone(new DuoOptions());
        lone.Post(Requests.Send(1, lone.Base, 8, lone.Key));
        lone.Post(Requests.Send(2, lone.Base, 8, lone.Key));
        lone.Poll();
        lone.Receive(lone.Acknowledge(0, AethSyndrome.RnrNak(31)));
        lone.Receive(lone.Ack(0));
        Assert.Equal(1, lone.Poll());
        lone.Receive(lone.Ack(1));
        lone.Wait(1_000_000_000);
        Assert.Equal((0, 0), (lone.Poll(), lone.Host.Timers.Count));
    }

    [Theory]
    [InlineData(QueuePairState.Error)]
    [InlineData(QueuePairState.Reset)]
    public void A_queue_pair_that_leaves_has_no_timer(QueuePairState state)
    {
        var lone = new Lone(new DuoOptions());
        lone.PostWrite(1, 8);
        lone.Poll();
        Assert.NotEqual(long.MaxValue, lone.Qp.DeadlineNs);
        Assert.Equal(0, lone.Qp.Modify(new QueuePairAttributes { State = state }, QueuePairAttributeMask.State, lone.NowNs));
        Assert.Equal((long.MaxValue, 0), (lone.Qp.DeadlineNs, lone.Host.Timers.Count));
    }

    [Fact]
    public void A_probe_follows_the_measured_round_trip_and_its_variation()
    {
        var roundTrip = new RoundTripTime();
        Assert.Equal(5_000_000, roundTrip.ProbeAfterNs(0));
        roundTrip.Add(1_000_000);
        Assert.Equal((1_000_000, 4_000_000L), (roundTrip.SmoothedNs, roundTrip.ProbeAfterNs(0)));
        for (int i = 0; i < 200; i++)
        {
            roundTrip.Add(1_000_000);
        }

        Assert.InRange(roundTrip.ProbeAfterNs(0), 2_000_000, 2_000_100);
        Assert.Equal(8 * roundTrip.ProbeAfterNs(0), roundTrip.ProbeAfterNs(3));
        for (int i = 0; i < 200; i++)
        {
            roundTrip.Add(10_000);
        }

        Assert.Equal(RoundTripTime.ProbeAfterLeastNs, roundTrip.ProbeAfterNs(0));
        roundTrip.Add(long.MaxValue);
        roundTrip.Add(-5);
        Assert.InRange(roundTrip.ProbeAfterNs(255), 1, long.MaxValue);
    }
}
