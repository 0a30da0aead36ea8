using CsCheck;
using static RoceEngine.Protocol.QueuePairAttributeMask;
using static RoceEngine.Protocol.QueuePairState;
using static RoceEngine.Protocol.TransportService;

namespace RoceEngine.Protocol.Tests;

/// <summary>The state table against a table of its own, written from the specification attribute by attribute.</summary>
public class StateTableTests
{
    private const QueuePairAttributeMask Rights = QueuePairAttributeMask.AccessFlags;
    private const QueuePairAttributeMask AckTimer = QueuePairAttributeMask.Timeout;

    private static readonly Dictionary<(TransportService, QueuePairState, QueuePairState), (QueuePairAttributeMask Required, QueuePairAttributeMask Optional)>
        Expected = new()
        {
            [(ReliableConnection, Reset, Init)] = (PartitionKeyIndex | Port | Rights, None),
            [(UnreliableConnection, Reset, Init)] = (PartitionKeyIndex | Port | Rights, None),
            [(UnreliableDatagram, Reset, Init)] = (PartitionKeyIndex | Port | QueueKey, None),
            [(ReliableConnection, Init, Init)] = (None, PartitionKeyIndex | Port | Rights),
            [(UnreliableConnection, Init, Init)] = (None, PartitionKeyIndex | Port | Rights),
            [(UnreliableDatagram, Init, Init)] = (None, PartitionKeyIndex | Port | QueueKey),
            [(ReliableConnection, Init, ReadyToReceive)] =
                (AddressVector | PathMtu | DestinationQpn | ReceivePsn | MaxDestinationRdAtomic | MinRnrTimer,
                    AlternatePath | Rights | PartitionKeyIndex),
            [(UnreliableConnection, Init, ReadyToReceive)] =
                (AddressVector | PathMtu | DestinationQpn | ReceivePsn, AlternatePath | Rights | PartitionKeyIndex),
            [(UnreliableDatagram, Init, ReadyToReceive)] = (None, PartitionKeyIndex | QueueKey),
            [(ReliableConnection, ReadyToReceive, ReadyToSend)] =
                (AckTimer | RetryCount | RnrRetry | SendPsn | MaxRdAtomic,
                    CurrentState | AlternatePath | Rights | MinRnrTimer | PathMigrationState),
            [(UnreliableConnection, ReadyToReceive, ReadyToSend)] = (SendPsn, CurrentState | AlternatePath | Rights | PathMigrationState),
            [(UnreliableDatagram, ReadyToReceive, ReadyToSend)] = (SendPsn, CurrentState | QueueKey),
            [(ReliableConnection, ReadyToSend, ReadyToSend)] =
                (None, CurrentState | Rights | AlternatePath | PathMigrationState | MinRnrTimer),
            [(UnreliableConnection, ReadyToSend, ReadyToSend)] = (None, CurrentState | Rights | AlternatePath | PathMigrationState),
            [(UnreliableDatagram, ReadyToSend, ReadyToSend)] = (None, CurrentState | QueueKey),
            [(ReliableConnection, ReadyToSend, SendQueueDrained)] = (None, EnableDrainedNotify),
            [(UnreliableConnection, ReadyToSend, SendQueueDrained)] = (None, EnableDrainedNotify),
            [(UnreliableDatagram, ReadyToSend, SendQueueDrained)] = (None, EnableDrainedNotify),
            [(ReliableConnection, SendQueueDrained, ReadyToSend)] =
                (None, CurrentState | Rights | AlternatePath | PathMigrationState | MinRnrTimer),
            [(UnreliableConnection, SendQueueDrained, ReadyToSend)] = (None, CurrentState | Rights | AlternatePath | PathMigrationState),
            [(UnreliableDatagram, SendQueueDrained, ReadyToSend)] = (None, CurrentState | QueueKey),
            [(ReliableConnection, SendQueueDrained, SendQueueDrained)] =
                (None, Port | AddressVector | AckTimer | RetryCount | RnrRetry | MaxRdAtomic | MaxDestinationRdAtomic | AlternatePath
                    | Rights | PartitionKeyIndex | MinRnrTimer | PathMigrationState),
            [(UnreliableConnection, SendQueueDrained, SendQueueDrained)] =
                (None, AddressVector | AlternatePath | Rights | PartitionKeyIndex | PathMigrationState),
            [(UnreliableDatagram, SendQueueDrained, SendQueueDrained)] = (None, PartitionKeyIndex | QueueKey),
            [(ReliableConnection, SendQueueError, ReadyToSend)] = (None, None),
            [(UnreliableConnection, SendQueueError, ReadyToSend)] = (None, CurrentState | Rights),
            [(UnreliableDatagram, SendQueueError, ReadyToSend)] = (None, CurrentState | QueueKey),
        };

    private static readonly TransportService[] Services = [ReliableConnection, UnreliableConnection, UnreliableDatagram];

    [Fact]
    public void Every_mask_is_judged_as_the_specification_says() =>
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, 6], Gen.Int[0, 6], Gen.UInt, Gen.Int[0, 3]).Sample(sample =>
        {
            (int index, int from, int to, uint bits, int shape) = sample;
            TransportService service = Services[index];
            var mask = (QueuePairAttributeMask)(bits & 0x1F_FFFF);
            bool known = TryExpect(service, (QueuePairState)from, (QueuePairState)to, out var rule);

            // Random bits alone almost never make a legal mask: start from what the rule wants.
            mask = shape switch
            {
                0 => mask,
                1 => rule.Required | (mask & rule.Optional) | State,
                2 => rule.Required | rule.Optional | (mask & (QueuePairAttributeMask)(1u << (int)(bits >> 27))),
                _ => (rule.Required | State) & ~(QueuePairAttributeMask)(1u << (int)(bits >> 27)),
            };
            bool current = (mask & CurrentState) == 0 || (QueuePairState)from is >= ReadyToReceive and <= SendQueueError;
            bool expected = known && current && (mask & rule.Required) == rule.Required
                && (mask & ~(rule.Required | rule.Optional | State)) == None;
            return StateTable.Allows(service, (QueuePairState)from, (QueuePairState)to, mask) == expected;
        }, iter: 50_000);

    [Fact]
    public void Every_transition_is_legal_or_not_as_the_specification_says()
    {
        foreach (TransportService service in Services)
        {
            for (var from = Reset; from <= Error; from++)
            {
                for (var to = Reset; to <= Error; to++)
                {
                    bool expected = TryExpect(service, from, to, out var rule);
                    bool found = StateTable.TryGetRule(service, from, to, out var required, out var optional);
                    Assert.True(expected == found, $"{service}: {from} to {to}");
                    Assert.Equal(rule, (required, optional));
                }
            }
        }
    }

    private static bool TryExpect(
        TransportService service, QueuePairState from, QueuePairState to, out (QueuePairAttributeMask Required, QueuePairAttributeMask Optional) rule)
    {
        if (Expected.TryGetValue((service, from, to), out rule))
        {
            return true;
        }

        return to == Reset || (to == Error && from != Reset);
    }
}
