using RoceEngine.Protocol;
using static RoceEngine.Protocol.QueuePairAttributeMask;

namespace Hostile.Tests.Guests.Cases;

/// <summary>MODIFY_QP with states, masks and values that are none; a refused modification changes nothing.</summary>
internal static class AttributeCases
{
    private const string Class = "queue pair attributes";

    public static IEnumerable<AttackCase> All => [.. States, .. Values, .. Masks];

    private static IEnumerable<AttackCase> States =>
    [
        .. from state in new[] { 7u, 8u, 255u, 256u, 0x8000_0000u, uint.MaxValue }
           select Refused($"state {state}", State, new PvrdmaQpAttributes { State = state }),
        .. from state in new[] { PvrdmaQpState.Init, PvrdmaQpState.ReadyToReceive, PvrdmaQpState.SendQueueError }
           select Refused($"from ready-to-send to {state}", State, new PvrdmaQpAttributes { State = (uint)state }),
        .. from state in new[] { PvrdmaQpState.ReadyToReceive, PvrdmaQpState.ReadyToSend, PvrdmaQpState.SendQueueDrained, PvrdmaQpState.SendQueueError }
           select new AttackCase(Class, $"from reset to {state} with every attribute", attack =>
           {
               GuestQueuePair qp = attack.Mallory.CreateQueuePair(attack.Here.Domain, attack.Here.Cq, attack.Here.Cq);
               for (int bits = 0; bits < 1 << 21; bits += 4099)
               {
                   Assert.Equal(
                       PvrdmaCommandError.InvalidArgument,
                       qp.Modify(new PvrdmaQpAttributes { State = (uint)state, PathMtu = 3, Port = 1 }, (QueuePairAttributeMask)bits | State));
               }

               Assert.Equal((uint)PvrdmaQpState.Reset, qp.Query().State);
           }),
        Refused("a current state that is another", State | CurrentState, new PvrdmaQpAttributes
        {
            State = (uint)PvrdmaQpState.ReadyToSend, CurrentState = (uint)PvrdmaQpState.Init,
        }),
    ];

    private static IEnumerable<AttackCase> Values =>
    [
        ToReceive("path MTU 0", (ref PvrdmaQpAttributes attributes) => attributes.PathMtu = 0),
        ToReceive("path MTU 6", (ref PvrdmaQpAttributes attributes) => attributes.PathMtu = 6),
        ToReceive("path MTU 2^32 - 1", (ref PvrdmaQpAttributes attributes) => attributes.PathMtu = uint.MaxValue),
        ToReceive("destination QPN of 25 bits", (ref PvrdmaQpAttributes attributes) => attributes.DestinationQpn = 1 << 24),
        ToReceive("destination QPN of 32 bits", (ref PvrdmaQpAttributes attributes) => attributes.DestinationQpn = uint.MaxValue),
        ToReceive("receive PSN of 25 bits", (ref PvrdmaQpAttributes attributes) => attributes.ReceivePsn = 1 << 24),
        ToReceive("responder resources of 255", (ref PvrdmaQpAttributes attributes) => attributes.MaxDestinationRdAtomic = 255),
        ToReceive("RNR timer 32", (ref PvrdmaQpAttributes attributes) => attributes.MinRnrTimer = 32),
        ToReceive("RNR timer 255", (ref PvrdmaQpAttributes attributes) => attributes.MinRnrTimer = 255),
        ToReceive("destination GID of zeros", (ref PvrdmaQpAttributes attributes) => attributes.AddressHandle.GlobalRoute.DestinationGid = default),
        ToReceive("source GID index that is not bound", (ref PvrdmaQpAttributes attributes) => attributes.AddressHandle.GlobalRoute.SourceGidIndex = 1),
        ToReceive("source GID index 255", (ref PvrdmaQpAttributes attributes) => attributes.AddressHandle.GlobalRoute.SourceGidIndex = 255),
        ToSend("timeout 32", (ref PvrdmaQpAttributes attributes) => attributes.Timeout = 32),
        ToSend("retry count 8", (ref PvrdmaQpAttributes attributes) => attributes.RetryCount = 8),
        ToSend("RNR retry 8", (ref PvrdmaQpAttributes attributes) => attributes.RnrRetry = 8),
        ToSend("send PSN of 32 bits", (ref PvrdmaQpAttributes attributes) => attributes.SendPsn = uint.MaxValue),
        ToSend("initiator depth 255", (ref PvrdmaQpAttributes attributes) => attributes.MaxRdAtomic = 255),
    ];

    private static IEnumerable<AttackCase> Masks =>
    [
        Refused("a mask bit that is none", (QueuePairAttributeMask)(1 << 25), default),
        Refused("every mask bit", (QueuePairAttributeMask)uint.MaxValue, default),
        Refused("a port that is none", Port, new PvrdmaQpAttributes { Port = 2 }),
        Refused("a partition key index that is none", PartitionKeyIndex, new PvrdmaQpAttributes { PkeyIndex = ushort.MaxValue }),
        Refused("access bits that are none", QueuePairAttributeMask.AccessFlags, new PvrdmaQpAttributes { Access = 1 << 30 }),
        new AttackCase(Class, "every mask bit alone, with all-ones attributes", attack =>
        {
            for (int bit = 0; bit < 32; bit++)
            {
                attack.Here.Qp.Modify(AllOnes(), (QueuePairAttributeMask)(1u << bit));
            }

            Assert.Equal((uint)PvrdmaQpState.ReadyToSend, attack.Here.Qp.Query().State);
        }),
    ];

    private delegate void Lie(ref PvrdmaQpAttributes attributes);

    private static unsafe PvrdmaQpAttributes AllOnes()
    {
        PvrdmaQpAttributes attributes;
        new Span<byte>(&attributes, sizeof(PvrdmaQpAttributes)).Fill(0xFF);
        return attributes;
    }

    private static AttackCase Refused(string name, QueuePairAttributeMask mask, PvrdmaQpAttributes attributes) => new(Class, name, attack =>
    {
        Assert.Equal(PvrdmaCommandError.InvalidArgument, attack.Here.Qp.Modify(attributes, mask));
        attack.StillWorks();
    });

    private static AttackCase ToReceive(string name, Lie lie) => new(Class, name, attack =>
    {
        GuestQueuePair qp = attack.Mallory.CreateQueuePair(attack.Here.Domain, attack.Here.Cq, attack.Here.Cq);
        qp.ToInit();
        var attributes = new PvrdmaQpAttributes
        {
            State = (uint)PvrdmaQpState.ReadyToReceive, PathMtu = 3, DestinationQpn = 77, ReceivePsn = 5, MaxDestinationRdAtomic = 4, MinRnrTimer = 12,
        };
        attack.Partner.Device.Gid.Write(attributes.AddressHandle.GlobalRoute.DestinationGid);
        lie(ref attributes);
        Assert.Equal(
            PvrdmaCommandError.InvalidArgument,
            qp.Modify(attributes, State | AddressVector | PathMtu | DestinationQpn | ReceivePsn | MaxDestinationRdAtomic | MinRnrTimer));
        Assert.Equal((uint)PvrdmaQpState.Init, qp.Query().State);
    });

    private static AttackCase ToSend(string name, Lie lie) => new(Class, name, attack =>
    {
        GuestQueuePair qp = attack.Mallory.CreateQueuePair(attack.Here.Domain, attack.Here.Cq, attack.Here.Cq);
        qp.ToInit();
        qp.ToReadyToReceive(attack.Partner.Device.Gid, 77);
        var attributes = new PvrdmaQpAttributes
        {
            State = (uint)PvrdmaQpState.ReadyToSend, SendPsn = 5, Timeout = 14, RetryCount = 7, RnrRetry = 7, MaxRdAtomic = 4,
        };
        lie(ref attributes);
        Assert.Equal(
            PvrdmaCommandError.InvalidArgument,
            qp.Modify(attributes, State | SendPsn | QueuePairAttributeMask.Timeout | RetryCount | RnrRetry | MaxRdAtomic));
        Assert.Equal((uint)PvrdmaQpState.ReadyToReceive, qp.Query().State);
    });
}
