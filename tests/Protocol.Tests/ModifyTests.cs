using RoceEngine.Protocol.Tests.Simulation;
using RoceEngine.Wire;
using static RoceEngine.Protocol.QueuePairAttributeMask;
using static RoceEngine.Protocol.QueuePairState;
using static RoceEngine.Protocol.TransportService;

namespace RoceEngine.Protocol.Tests;

/// <summary>
/// Modify on real queue pairs: every transition of every service, with every attribute in turn left out or added. What is refused changes
/// nothing. IBTA vol. 1, 11.2.5.2, table 91.
/// </summary>
public class ModifyTests
{
    private const uint FirstQpn = 40;

    /// <summary>All attributes that a modify can name, the state itself excepted; capabilities cannot be changed by anybody here.</summary>
    private static readonly QueuePairAttributeMask[] Attributes =
        [.. Enumerable.Range(1, 20).Select(bit => (QueuePairAttributeMask)(1 << bit))];

    public static TheoryData<TransportService, QueuePairState> Starts()
    {
        var data = new TheoryData<TransportService, QueuePairState>();
        foreach (TransportService service in (TransportService[])[ReliableConnection, UnreliableConnection, UnreliableDatagram])
        {
            for (var from = Reset; from <= Error; from++)
            {
                // A reliable connection has no send queue error state.
                if (from != SendQueueError || service != ReliableConnection)
                {
                    data.Add(service, from);
                }
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Starts))]
    public void A_transition_takes_what_it_requires_and_allows_and_nothing_else(TransportService service, QueuePairState from)
    {
        var host = new FakeHost(Gid.FromIPv4(0x7F000002), new FlatMemory(4));
        for (var to = Reset; to <= Error; to++)
        {
            bool isLegal = StateTable.TryGetRule(service, from, to, out var required, out var optional);
            AssertTaken(host, service, from, to, required | optional, isLegal);
            AssertTaken(host, service, from, to, required, isLegal);
            foreach (QueuePairAttributeMask attribute in Attributes)
            {
                bool isRequired = (required & attribute) != 0;
                bool isOptional = (optional & attribute) != 0;
                AssertTaken(host, service, from, to, required ^ attribute, isLegal && !isRequired && isOptional);
            }
        }
    }

    [Theory]
    [InlineData(ReliableConnection)]
    [InlineData(UnreliableConnection)]
    [InlineData(UnreliableDatagram)]
    public void What_was_set_is_told_by_query(TransportService service)
    {
        QueuePair qp = Make(new FakeHost(Gid.FromIPv4(0x7F000002), new FlatMemory(4)), service, ReadyToSend);
        qp.Query(out QueuePairAttributes found);
        QueuePairAttributes given = Values(ReadyToSend, ReadyToSend);
        Assert.Equal((given.SendPsn, given.Port, ReadyToSend), (found.SendPsn, found.Port, found.State));
        if (service == UnreliableDatagram)
        {
            Assert.Equal(given.QueueKey, found.QueueKey);
        }
        else
        {
            Assert.Equal(
                (given.DestinationGid, given.DestinationQpn, given.PathMtuBytes, given.ReceivePsn, given.Access),
                (found.DestinationGid, found.DestinationQpn, found.PathMtuBytes, found.ReceivePsn, found.Access));
        }
    }

    [Theory]
    [InlineData(ReliableConnection)]
    [InlineData(UnreliableConnection)]
    [InlineData(UnreliableDatagram)]
    public void Reset_forgets_everything_and_the_queue_pair_serves_again(TransportService service)
    {
        var host = new FakeHost(Gid.FromIPv4(0x7F000002), new FlatMemory(4));
        QueuePair qp = Make(host, service, ReadyToSend);
        Assert.Equal(0, qp.Modify(new QueuePairAttributes { State = Reset }, State, 0));
        qp.Query(out QueuePairAttributes found);
        Assert.Equal(default, found);
        Advance(qp, service, ReadyToSend);
        Assert.Equal(ReadyToSend, qp.State);
    }

    [Theory]
    [InlineData(ReliableConnection, QueuePairAttributeMask.Timeout)]
    [InlineData(ReliableConnection, RetryCount)]
    [InlineData(ReliableConnection, RnrRetry)]
    [InlineData(ReliableConnection, MinRnrTimer)]
    [InlineData(ReliableConnection, AddressVector)]
    [InlineData(UnreliableConnection, AddressVector)]
    public void A_value_that_is_none_is_refused_in_the_drained_state(TransportService service, QueuePairAttributeMask attribute)
    {
        QueuePair qp = Make(new FakeHost(Gid.FromIPv4(0x7F000002), new FlatMemory(4)), service, SendQueueDrained);
        QueuePairAttributes values = Values(SendQueueDrained, SendQueueDrained);
        Assert.Equal(0, qp.Modify(values, State | attribute, 0));
        values.Timeout = 32;
        values.RetryCount = 8;
        values.RnrRetry = 8;
        values.MinRnrTimer = 32;
        values.DestinationGid = default;
        Assert.Equal(22, qp.Modify(values, State | attribute, 0));
    }

    private static void AssertTaken(
        FakeHost host, TransportService service, QueuePairState from, QueuePairState to, QueuePairAttributeMask mask, bool isTaken)
    {
        if (isTaken && (mask & CurrentState) != 0 && from is not (ReadyToReceive or ReadyToSend or SendQueueDrained or SendQueueError))
        {
            return;
        }

        QueuePair qp = Make(host, service, from);
        qp.Query(out QueuePairAttributes before);
        int result = qp.Modify(Values(from, to), mask | State, 0);
        Assert.True(result == (isTaken ? 0 : 22), $"{service}: {from} to {to} with {mask} gave {result}");
        Assert.Equal(isTaken ? to : from, qp.State);
        if (!isTaken)
        {
            qp.Query(out QueuePairAttributes after);
            Assert.Equal(before, after);
        }

        qp.Destroy();
    }

    private static QueuePair Make(FakeHost host, TransportService service, QueuePairState state)
    {
        host.QueuePairs.Clear();
        QueuePair qp = host.Create(FirstQpn, service: service);
        Advance(qp, service, state);
        host.Scheduled.Clear();
        return qp;
    }

    private static void Advance(QueuePair qp, TransportService service, QueuePairState state)
    {
        QueuePairState[] steps = state switch
        {
            Reset => [],
            Error => [Init, Error],
            SendQueueError => [Init, ReadyToReceive, ReadyToSend],
            _ => [Init, ReadyToReceive, ReadyToSend, SendQueueDrained],
        };
        foreach (QueuePairState next in steps.Where(next => next <= state))
        {
            QueuePairState from = qp.State;
            Assert.True(StateTable.TryGetRule(service, from, next, out var required, out _));
            Assert.Equal(0, qp.Modify(Values(from, next), required | State, 0));
        }

        if (state == SendQueueError)
        {
            Rings rings = FakeHost.RingsOf(qp);
            rings.ImpossibleIds.Add(1);
            rings.Sends.Enqueue(Requests.Make(WorkOpcode.Send, 1, 0, 0, 0));
            qp.HandleSendDoorbell(1);
            qp.PollTransmit(new PacketBuffer(1), 8, 1);
        }

        Assert.Equal(state, qp.State);
    }

    private static QueuePairAttributes Values(QueuePairState from, QueuePairState to) => new()
    {
        State = to,
        CurrentState = from,
        PathMtuBytes = 2048,
        QueueKey = 0x11,
        ReceivePsn = new Psn(7),
        SendPsn = new Psn(9),
        DestinationQpn = 5,
        Access = AccessFlags.RemoteWrite,
        MaxRdAtomic = 3,
        MaxDestinationRdAtomic = 3,
        MinRnrTimer = 4,
        Timeout = 10,
        RetryCount = 5,
        RnrRetry = 6,
        Port = 1,
        DestinationGid = Gid.FromIPv4(0x7F000003),
        HopLimit = 64,
    };
}
