using System.Net;
using RoceEngine.Wire;

namespace Hostile.Tests.Guests.Cases;

/// <summary>Groups that are none, members that cannot be, and messages to groups from those who do not belong to them.</summary>
internal static class MulticastCases
{
    private const string Class = "multicast";

    private static readonly Gid Group = Gid.From(IPAddress.Parse("239.1.2.3"));

    public static IEnumerable<AttackCase> All =>
    [
        .. from command in new[] { PvrdmaCommand.AttachMulticast, PvrdmaCommand.DetachMulticast }
           from address in new[] { "192.0.2.66", "10.0.0.1", "127.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fec0::1", "2001:db8::1" }
           select new AttackCase(Class, $"{command} of {address}, which is no group", attack => attack.Refused(
               command, Membership(DatagramPair.Create(attack.Here).Handle, Gid.From(IPAddress.Parse(address))), PvrdmaCommandError.InvalidArgument)),
        .. from command in new[] { PvrdmaCommand.AttachMulticast, PvrdmaCommand.DetachMulticast }
           from type in new[] { PvrdmaQpType.Rc, PvrdmaQpType.Uc }
           select new AttackCase(Class, $"{command} of a queue pair of type {type}", attack =>
           {
               GuestQueuePair qp = attack.Mallory.CreateQueuePair(
                   attack.Here.Domain, attack.Here.Cq, attack.Here.Cq, request => request with { QpType = (byte)type });
               attack.Refused(command, Membership(qp.Handle, Group), PvrdmaCommandError.InvalidArgument);
               Assert.Equal(0, attack.Mallory.Device.MulticastGroupCount);
           }),
        .. from command in new[] { PvrdmaCommand.AttachMulticast, PvrdmaCommand.DetachMulticast }
           select new AttackCase(Class, $"{command} of handles that were never given out", attack =>
           {
               foreach (uint handle in new[] { 0u, 63u, 64u, 32_768u, 65_536u, uint.MaxValue })
               {
                   attack.Refused(command, Membership(handle, Group), PvrdmaCommandError.NoSuchObject);
               }
           }),
        new AttackCase(Class, "another guest's queue pair attached and detached", attack =>
        {
            // The partner's fourth queue pair is a member; Mallory has none of that handle.
            GuestQueuePair other = DatagramPair.Create(attack.There);
            for (int i = 0; i < 3; i++)
            {
                other = DatagramPair.Create(attack.There);
            }

            Assert.Equal(PvrdmaCommandError.None, attack.Partner.Command(PvrdmaCommand.AttachMulticast, Membership(other.Handle, Group)));
            attack.Refused(PvrdmaCommand.DetachMulticast, Membership(other.Handle, Group), PvrdmaCommandError.NoSuchObject);
            attack.Refused(PvrdmaCommand.AttachMulticast, Membership(other.Handle, Group), PvrdmaCommandError.NoSuchObject);
            Assert.Equal((0, 1), (attack.Mallory.Device.MulticastGroupCount, attack.Partner.Device.MulticastGroupCount));
        }),
        new AttackCase(Class, "a member detached twice, and from a group of another", attack =>
        {
            GuestQueuePair member = DatagramPair.Create(attack.Here);
            GuestQueuePair stranger = DatagramPair.Create(attack.Here);
            attack.Granted(PvrdmaCommand.AttachMulticast, Membership(member.Handle, Group));
            attack.Refused(PvrdmaCommand.DetachMulticast, Membership(stranger.Handle, Group), PvrdmaCommandError.InvalidArgument);
            attack.Granted(PvrdmaCommand.DetachMulticast, Membership(member.Handle, Group));
            attack.Refused(PvrdmaCommand.DetachMulticast, Membership(member.Handle, Group), PvrdmaCommandError.InvalidArgument);
        }),
        new AttackCase(Class, "a member attached a thousand times and destroyed", attack =>
        {
            GuestQueuePair member = DatagramPair.Create(attack.Here);
            for (int i = 0; i < 1000; i++)
            {
                attack.Granted(PvrdmaCommand.AttachMulticast, Membership(member.Handle, Group));
            }

            attack.Refused(PvrdmaCommand.DestroyQp, new PvrdmaHandleCommand { Handle = member.Handle }, PvrdmaCommandError.Busy);
            attack.Granted(PvrdmaCommand.DetachMulticast, Membership(member.Handle, Group));
            attack.Granted(PvrdmaCommand.DestroyQp, new PvrdmaHandleCommand { Handle = member.Handle });
            Assert.Equal(0, attack.Mallory.Device.MulticastGroupCount);
        }),
        new AttackCase(Class, "more groups than the device has", attack =>
        {
            GuestQueuePair member = DatagramPair.Create(attack.Here);
            for (uint i = 0; i < 3; i++)
            {
                attack.Granted(PvrdmaCommand.AttachMulticast, Membership(member.Handle, Gid.FromIPv4(0xEF01_0000 + i)));
            }

            attack.Refused(PvrdmaCommand.AttachMulticast, Membership(member.Handle, Group), PvrdmaCommandError.LimitReached);
        })
        { Limits = new DeviceLimits { MulticastGroups = 3 } },
        new AttackCase(Class, "a message to a group that its sender does not belong to reaches the members alone, once", attack =>
        {
            DatagramPair pair = WithMember(attack);
            Assert.Equal((uint)PvrdmaWcStatus.Success, pair.Send(pair.Request(Group) with { DatagramQpn = DatagramPair.GroupQpn }).Status);
            Assert.Equal(104u, Assert.Single(pair.Received).ByteLength);
        }),
        new AttackCase(Class, "a message to a group without members", attack =>
        {
            var pair = new DatagramPair(attack);
            Assert.Equal((uint)PvrdmaWcStatus.Success, pair.Send(pair.Request(Group) with { DatagramQpn = DatagramPair.GroupQpn }).Status);
            Assert.Empty(pair.Received);
        }),
        new AttackCase(Class, "a message to a group with the wrong Q_Key", attack =>
        {
            DatagramPair pair = WithMember(attack);
            pair.Send(pair.Request(Group) with { DatagramQpn = DatagramPair.GroupQpn, DatagramQkey = 7 });
            Assert.Empty(pair.Received);
        }),
        new AttackCase(Class, "a message to the address of a group but to one queue pair, which is no member", attack =>
        {
            DatagramPair pair = WithMember(attack);
            GuestQueuePair other = DatagramPair.Create(attack.There);
            other.PostReceive(9, attack.There.Region.Sge(0, 8192));
            pair.Send(pair.Request(Group) with { DatagramQpn = other.Qpn });
            Assert.DoesNotContain(pair.Received, entry => entry.WorkRequestId == 9);
        }),
    ];

    private static DatagramPair WithMember(Attack attack)
    {
        var pair = new DatagramPair(attack);
        Assert.Equal(PvrdmaCommandError.None, attack.Partner.Command(PvrdmaCommand.AttachMulticast, Membership(pair.Receiver.Handle, Group)));
        return pair;
    }

    private static PvrdmaMulticast Membership(uint handle, Gid group)
    {
        var request = new PvrdmaMulticast { QpHandle = handle };
        group.Write(request.Group);
        return request;
    }
}
