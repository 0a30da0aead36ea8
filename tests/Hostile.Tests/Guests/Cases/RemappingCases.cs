namespace Hostile.Tests.Guests.Cases;

/// <summary>Tables rewritten after the device read them: what was granted once is what counts.</summary>
internal static class RemappingCases
{
    private const string Class = "re-mapping";

    public static IEnumerable<AttackCase> All =>
    [
        Rewritten("a region's pages rewritten to addresses outside guest memory", (attack, page) => attack.Beyond + 4096),
        Rewritten("a region's pages rewritten to another page of hers", (attack, page) => attack.Mallory.Memory.AllocatePage()),
        Rewritten("a region's pages rewritten to 0", (attack, page) => 0),
        new AttackCase(Class, "a region's directory overwritten with all ones after the command", attack =>
        {
            Overwrite(attack, attack.Here.Region.Request.DirectoryAddress);
            attack.StillWorks();
        }),
        new AttackCase(Class, "a queue pair's directory and tables overwritten after the command", attack =>
        {
            Overwrite(attack, attack.TableOf(attack.Here.Qp.Request.DirectoryAddress));
            Overwrite(attack, attack.Here.Qp.Request.DirectoryAddress);
            attack.StillWorks();
        }),
        new AttackCase(Class, "a completion queue's directory overwritten after the command", attack =>
        {
            GuestCompletionQueue queue = attack.Mallory.CreateCompletionQueue();
            PvrdmaCreateCq request = queue.Request;
            Overwrite(attack, attack.TableOf(request.DirectoryAddress));
            Overwrite(attack, request.DirectoryAddress);
            GuestQueuePair qp = attack.Mallory.CreateQueuePair(attack.Here.Domain, queue, queue);
            GuestQueuePair peer = attack.Partner.CreateQueuePair(attack.There.Domain, attack.There.Cq, attack.There.Cq);
            Arenas.Arena.Connect(qp, peer, attack.Mallory, attack.Partner);
            qp.PostSend(attack.Write(4), attack.Here.Region.Sge(0, 8));
            attack.Arena.Run();
            Assert.Equal((uint)PvrdmaWcStatus.Success, Assert.Single(queue.PollAll()).Status);
        }),
        new AttackCase(Class, "the device rings' directories overwritten after activation", attack =>
        {
            PvrdmaDeviceSharedRegion region = Region(attack);
            foreach (ulong directory in new[] { region.AsyncRing.DirectoryAddress, region.NotificationRing.DirectoryAddress })
            {
                Overwrite(attack, attack.TableOf(directory));
                Overwrite(attack, directory);
            }

            attack.Here.Cq.Arm(solicited: false);
            attack.StillWorks();
            Assert.True(attack.Mallory.TryReadNotification(out uint handle));
            Assert.Equal(attack.Here.Cq.Handle, handle);
        }),
        new AttackCase(Class, "the shared region overwritten after activation", attack =>
        {
            Overwrite(attack, attack.Mallory.Region);
            attack.StillWorks();
            attack.Mallory.CreateDomain();
        }),
        new AttackCase(Class, "the slots moved in the shared region after activation", attack =>
        {
            Move(attack);
            attack.Mallory.CreateDomain();
        }),
        new AttackCase(Class, "one page under two regions with different rights", attack =>
        {
            // The right is the key's, not the page's: read-only stays read-only whatever other regions allow.
            PvrdmaCreateMr request = attack.There.Region.Request;
            request.Access = (uint)PvrdmaAccess.RemoteRead;
            Assert.Equal(
                PvrdmaCommandError.None, attack.Partner.Command(PvrdmaCommand.CreateMr, request, out PvrdmaCreateMrResponse response));
            attack.Fails(
                PvrdmaWcStatus.RemoteAccessError, attack.Write() with { RdmaRemoteKey = response.RemoteKey }, attack.Here.Region.Sge(0, 64));
        }),
        new AttackCase(Class, "a region created and destroyed a thousand times under a stale key", attack =>
        {
            uint stale = attack.There.Region.Key;
            Assert.Equal(PvrdmaCommandError.None, attack.Partner.Destroy(PvrdmaCommand.DestroyMr, attack.There.Region.Handle));
            PvrdmaCreateMr request = attack.There.Region.Request;
            for (int i = 0; i < 1000; i++)
            {
                attack.Partner.Command(PvrdmaCommand.CreateMr, request, out PvrdmaCreateMrResponse response);
                Assert.NotEqual(stale, response.RemoteKey);
                attack.Partner.Destroy(PvrdmaCommand.DestroyMr, response.MrHandle);
            }

            attack.Fails(PvrdmaWcStatus.RemoteAccessError, attack.Write() with { RdmaRemoteKey = stale }, attack.Here.Region.Sge(0, 64));
        }),
    ];

    private static AttackCase Rewritten(string name, Func<Attack, ulong, ulong> other) => new(Class, name, attack =>
    {
        GuestRegion region = attack.Here.Region;
        region.Fill(3);
        ulong table = attack.TableOf(region.Request.DirectoryAddress);
        for (uint entry = 0; entry < region.Request.PageCount; entry++)
        {
            attack.Word(table + (entry * 8ul)) = other(attack, attack.Word(table + (entry * 8ul)));
        }

        PvrdmaCqe done = Assert.Single(attack.Post(attack.Write(), region.Sge(0, 40_000)));
        Assert.Equal((uint)PvrdmaWcStatus.Success, done.Status);
        Assert.Equal(region.ToArray(0, 40_000), attack.There.Region.ToArray(0, 40_000));
    });

    private static unsafe PvrdmaDeviceSharedRegion Region(Attack attack) => *attack.Mallory.SharedRegion;

    private static unsafe void Move(Attack attack) =>
        attack.Mallory.SharedRegion->CommandSlotAddress = attack.Mallory.SharedRegion->ResponseSlotAddress = attack.Beyond;

    private static void Overwrite(Attack attack, ulong page)
    {
        for (uint entry = 0; entry < 512; entry++)
        {
            attack.Word((page & ~4095ul) + (entry * 8ul)) = ulong.MaxValue;
        }
    }
}
