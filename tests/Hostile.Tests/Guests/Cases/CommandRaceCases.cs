namespace Hostile.Tests.Guests.Cases;

/// <summary>A second thread of Mallory's changes commands and what they point to while the device carries them out.</summary>
internal static unsafe class CommandRaceCases
{
    private static readonly PvrdmaCommand[] Commands = Enum.GetValues<PvrdmaCommand>();

    public static IEnumerable<AttackCase> All =>
    [
        new AttackCase(RaceCases.Class, "the command slot", attack =>
        {
            TestGuest mallory = attack.Mallory;
            PvrdmaCreateQp request = attack.Here.Qp.Request;
            var slot = (PvrdmaCreateQp*)mallory.Memory.At(mallory.CommandSlot);
            using (var flipper = new Flipper(3, random =>
            {
                slot->Header.Command = (uint)Commands[random.Next(Commands.Length)];
                ((uint*)slot)[4 + random.Next(30)] = random.Next(2) == 0 ? (uint)random.Next(8) : (uint)random.NextInt64();
            }))
            {
                flipper.Beside(RaceCases.Rounds * 4, RaceCases.Flips, round =>
                {
                    *slot = request;
                    slot->Header.Command = (uint)Commands[round % Commands.Length];
                    mallory.Write(PvrdmaRegister.Request, 0);
                    attack.Turn();
                });
            }

            Restart(attack);
        }),
        new AttackCase(RaceCases.Class, "the shared region while the device is brought up", attack =>
        {
            TestGuest mallory = attack.Mallory;
            PvrdmaDeviceSharedRegion good = *mallory.SharedRegion;
            ulong[] places = [good.CommandSlotAddress, good.CommandSlotAddress, attack.Beyond, attack.Beyond - 8, ulong.MaxValue - 7, 1];
            ulong[] rings = [good.AsyncRing.DirectoryAddress, good.AsyncRing.DirectoryAddress, attack.Beyond, ulong.MaxValue - 7, 1];
            uint[] counts = [2, 4, 0, 1, 65, uint.MaxValue];
            using (var flipper = new Flipper(4, random =>
            {
                mallory.SharedRegion->CommandSlotAddress = places[random.Next(places.Length)];
                mallory.SharedRegion->ResponseSlotAddress = places[random.Next(places.Length)];
                mallory.SharedRegion->AsyncRing.DirectoryAddress = rings[random.Next(rings.Length)];
                mallory.SharedRegion->AsyncRing.PageCount = counts[random.Next(counts.Length)];
                mallory.SharedRegion->NotificationRing.PageCount = counts[random.Next(counts.Length)];
            }))
            {
                flipper.Beside(RaceCases.Rounds * 2, RaceCases.Flips, round =>
                {
                    mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
                    mallory.WriteRegion(mallory.Region);
                    mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Activate);
                    mallory.Write(PvrdmaRegister.Request, 0);
                    attack.Turn();
                });
            }

            *mallory.SharedRegion = good;
            Restart(attack);
        }),
        Directory("page-directory entries of a region", (attack, directory) =>
        {
            PvrdmaCreateMr request = attack.Here.Region.Request with { DirectoryAddress = directory };
            if (attack.Mallory.Command(PvrdmaCommand.CreateMr, request, out PvrdmaCreateMrResponse made) == PvrdmaCommandError.None)
            {
                attack.Here.Qp.TryWriteSend(attack.Write(), [attack.Here.Region.Sge(0, 60_000) with { LocalKey = made.LocalKey }]);
                attack.Mallory.RingSend(attack.Here.Qp);
                attack.Arena.Run(100);
                Assert.Equal((uint)PvrdmaWcStatus.Success, Assert.Single(attack.Here.Cq.PollAll()).Status);
                Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyMr, made.MrHandle));
            }
        }),
        Directory("page-directory entries of a completion queue", (attack, directory) =>
        {
            PvrdmaCreateCq request = new() { EntryCount = 512, PageCount = 9, DirectoryAddress = directory };
            if (attack.Mallory.Command(PvrdmaCommand.CreateCq, request, out PvrdmaCreateCqResponse made) == PvrdmaCommandError.None)
            {
                Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyCq, made.CqHandle));
            }
        }),
        Directory("page-directory entries of a queue pair", (attack, directory) =>
        {
            PvrdmaCreateQp request = attack.Here.Qp.Request with { DirectoryAddress = directory };
            if (attack.Mallory.Command(PvrdmaCommand.CreateQp, request, out PvrdmaCreateQpResponse made) == PvrdmaCommandError.None)
            {
                Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyQp, made.QpHandle));
            }
        }),
        Directory("page-directory entries of a fast registration", (attack, directory) =>
        {
            var create = new PvrdmaCreateMr { PdHandle = attack.Here.Domain, Flags = PvrdmaMrFlags.FastRegister, PageCount = 4 };
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Command(PvrdmaCommand.CreateMr, create, out PvrdmaCreateMrResponse made));
            PvrdmaCqe done = Assert.Single(attack.Post(new PvrdmaSendWqe
            {
                Opcode = (uint)PvrdmaWrOpcode.FastRegisterMr,
                Flags = (uint)PvrdmaSendFlags.Signaled,
                FastRegisterDirectoryAddress = directory,
                FastRegisterPageShift = 12,
                FastRegisterPageCount = 4,
                FastRegisterLength = 4 * 4096,
                FastRegisterAccess = (uint)PvrdmaAccess.RemoteRead,
                FastRegisterRemoteKey = made.RemoteKey,
            }));
            if (done.Status != (uint)PvrdmaWcStatus.Success)
            {
                attack.Reconnect();
            }

            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyMr, made.MrHandle));
        }),
    ];

    /// <summary>Good addresses mostly, so that a walk gets far; what a walk accepted is what counts, whatever the entry says a moment later.</summary>
    private static AttackCase Directory(string name, Action<Attack, ulong> use) => new(RaceCases.Class, name, attack =>
    {
        _ = attack.Here;
        ulong[] pages = attack.Mallory.Memory.AllocatePages(32);
        ulong directory = attack.Mallory.Memory.Directory(pages);
        ulong table = attack.TableOf(directory);
        ulong[] lies = [attack.Beyond, attack.Beyond - 2048, ulong.MaxValue - 4095, 1ul << 63, 3];
        using (var flipper = new Flipper(5, random =>
        {
            int entry = random.Next(8);
            attack.Word(table + ((ulong)entry * 8)) = lies[random.Next(lies.Length)];
            attack.Word(table + ((ulong)entry * 8)) = pages[random.Next(32)];
            attack.Word(directory) = random.Next(8) == 0 ? lies[random.Next(lies.Length)] : table;
            attack.Word(directory) = table;
        }))
        {
            flipper.Beside(RaceCases.Rounds, RaceCases.Flips, _ =>
            {
                use(attack, directory);
                attack.Turn();
            });
        }

        attack.StillServed();
    });

    /// <summary>Whatever was asked for, a reset ends it.</summary>
    private static void Restart(Attack attack)
    {
        attack.Mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
        attack.Mallory.BringUp();
        attack.StillServed();
    }
}
