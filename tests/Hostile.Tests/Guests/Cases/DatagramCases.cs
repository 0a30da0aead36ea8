using RoceEngine.Wire;

namespace Hostile.Tests.Guests.Cases;

/// <summary>Datagrams whose address cannot be, which stop their sender's queue; and datagrams that nobody waits for, which are lost without a word.</summary>
internal static class DatagramCases
{
    private const string Class = "datagrams";

    public static IEnumerable<AttackCase> All => [.. Addresses, .. Operations, .. Lost, .. Floods];

    private static IEnumerable<AttackCase> Addresses =>
    [
        Impossible("an address vector of another protection domain", (attack, head) =>
            With(head, (ref PvrdmaAddressVector vector) => vector.PortAndPd = (1u << 24) | attack.Mallory.CreateDomain())),
        Impossible("an address vector of a protection domain that is none", (attack, head) =>
            With(head, (ref PvrdmaAddressVector vector) => vector.PortAndPd |= 0xFF_FFFF)),
        .. from port in new[] { 0u, 2u, 255u }
           select Impossible($"an address vector of port {port}", (attack, head) =>
               With(head, (ref PvrdmaAddressVector vector) => vector.PortAndPd = (port << 24) | attack.Here.Domain)),
        .. from index in new byte[] { 1, 15, 16, 17, 128, 255 }
           select Impossible($"source GID index {index}, which is not bound", (attack, head) =>
               With(head, (ref PvrdmaAddressVector vector) => vector.GidIndex = index)),
        Impossible("a destination GID of zeros", (attack, head) => With(head, (ref PvrdmaAddressVector vector) => vector.DestinationGid = default)),
        .. from qpn in new[] { 1u << 24, 0x8000_0000u, uint.MaxValue }
           select Impossible($"destination QPN 0x{qpn:x}, of more than 24 bits", (attack, head) => head with { DatagramQpn = qpn }),
    ];

    private static IEnumerable<AttackCase> Operations =>
    [
        .. from opcode in Enum.GetValues<PvrdmaWrOpcode>()
           where opcode is not (PvrdmaWrOpcode.Send or PvrdmaWrOpcode.SendWithImmediate)
           select Impossible($"{opcode} on a datagram queue pair", (attack, head) => head with { Opcode = (uint)opcode }),
        new AttackCase(Class, "a datagram longer than the port's MTU", attack =>
        {
            var pair = new DatagramPair(attack);
            Assert.Equal((uint)PvrdmaWcStatus.LocalLengthError, pair.Send(pair.Request(), 4097).Status);
            AssertStopped(attack, pair);
        }),
        new AttackCase(Class, "a datagram of 2^31 bytes", attack =>
        {
            var pair = new DatagramPair(attack);
            Assert.NotEqual((uint)PvrdmaWcStatus.Success, pair.Send(pair.Request(), int.MinValue).Status);
            AssertStopped(attack, pair);
        }),
    ];

    private static IEnumerable<AttackCase> Lost =>
    [
        .. from key in new[] { 0u, 1u, DatagramPair.QueueKey ^ 1, DatagramPair.QueueKey ^ 0x4000_0000, 0x7FFF_FFFFu }
           select Goes($"Q_Key 0x{key:x} where the receiver has another", (attack, head) => head with { DatagramQkey = key }),
        .. from qpn in new[] { 0u, 1u, 2u, 0x77_7777u, 0xFF_FFFEu }
           select Goes($"to QPN 0x{qpn:x}, which is nobody's", (attack, head) => head with { DatagramQpn = qpn }),
        Goes("to the QPN of all members at an address that is no group", (attack, head) => head with { DatagramQpn = DatagramPair.GroupQpn }),
        Goes("to a connected queue pair", (attack, head) => head with { DatagramQpn = attack.There.Qp.Qpn }),
        .. from address in new[] { "203.0.113.99", "127.0.0.1", "255.255.255.255", "0.0.0.1", "2001:db8::99", "fe80::99", "::1" }
           select Goes($"to {address}, where nobody is", (attack, head) =>
           {
               Gid.From(System.Net.IPAddress.Parse(address)).Write(head.DatagramAddress.DestinationGid);
               return head;
           }),
    ];

    private static IEnumerable<AttackCase> Floods =>
    [
        new AttackCase(Class, "to herself", attack =>
        {
            var pair = new DatagramPair(attack);
            PvrdmaSendWqe head = pair.Request(attack.Mallory.Device.Gid) with { DatagramQpn = pair.Sender.Qpn };
            Assert.True(pair.Sender.TryWriteSend(head, [attack.Here.Region.Sge(60_000, 64)]));
            attack.Mallory.RingSend(pair.Sender);
            attack.Arena.Run();
            Assert.All(attack.Here.Cq.PollAll(), entry => Assert.Equal((uint)PvrdmaWcStatus.Success, entry.Status));
            attack.StillWorks();
        }),
        new AttackCase(Class, "to a thousand addresses where nobody is", attack =>
        {
            var pair = new DatagramPair(attack);
            for (uint i = 0; i < 1000; i++)
            {
                Assert.Equal((uint)PvrdmaWcStatus.Success, pair.Send(pair.Request(Gid.FromIPv4(0xC633_6400 + i))).Status);
            }

            Assert.Empty(pair.Received);
            attack.StillWorks();
        }),
        new AttackCase(Class, "a flood to a receiver that posted four requests", attack =>
        {
            var pair = new DatagramPair(attack);
            for (int i = 0; i < 200; i++)
            {
                Assert.Equal((uint)PvrdmaWcStatus.Success, pair.Send(pair.Request(), 4096).Status);
            }

            Assert.Equal(4, pair.Received.Count);
            attack.StillWorks();
        }),
    ];

    private delegate void Bend(ref PvrdmaAddressVector vector);

    private static PvrdmaSendWqe With(PvrdmaSendWqe head, Bend bend)
    {
        bend(ref head.DatagramAddress);
        return head;
    }

    private static AttackCase Impossible(string name, Func<Attack, PvrdmaSendWqe, PvrdmaSendWqe> lie) => new(Class, name, attack =>
    {
        var pair = new DatagramPair(attack);
        PvrdmaCqe entry = pair.Send(lie(attack, pair.Request()));
        Assert.Equal((8ul, (uint)PvrdmaWcStatus.LocalQpOperationError), (entry.WorkRequestId, entry.Status));
        AssertStopped(attack, pair);
    });

    private static AttackCase Goes(string name, Func<Attack, PvrdmaSendWqe, PvrdmaSendWqe> lie) => new(Class, name, attack =>
    {
        var pair = new DatagramPair(attack);
        Assert.Equal((uint)PvrdmaWcStatus.Success, pair.Send(lie(attack, pair.Request())).Status);
        Assert.Empty(pair.Received);
        Assert.Equal((uint)PvrdmaQpState.ReadyToSend, pair.Receiver.Query().State);
        Assert.Equal((uint)PvrdmaWcStatus.Success, pair.Send(pair.Request()).Status);
        Assert.Single(pair.Received);
        attack.StillWorks();
    });

    /// <summary>Only the send queue of that queue pair is in error, and nothing was sent.</summary>
    private static void AssertStopped(Attack attack, DatagramPair pair)
    {
        Assert.Equal((uint)PvrdmaQpState.SendQueueError, pair.Sender.Query().State);
        Assert.Empty(pair.Received);
        attack.StillWorks();
    }
}
