using Hostile.Tests.Arenas;

namespace Hostile.Tests.Guests.Cases;

/// <summary>Every register offset, aligned or not, at every width that a front end may split or widen to 32 bits; and the mailbox that carries such writes.</summary>
internal static unsafe class RegisterCases
{
    private const string Class = "registers";

    private static readonly uint[] Values = [0, 1, 2, 3, 0x80, 0xFF, 0xFFFF, 0x8000_0000, uint.MaxValue];

    public static IEnumerable<AttackCase> All => [.. Writes, .. Reads, .. Uar, .. Mailbox];

    private static IEnumerable<AttackCase> Writes =>
    [
        .. from width in new[] { 1, 2, 4, 8 }
           from active in new[] { false, true }
           select new AttackCase(Class, $"every offset written {width * 8} bits wide while {(active ? "active" : "inactive")}", attack =>
           {
               if (!active)
               {
                   attack.Mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
               }

               foreach (uint value in Values)
               {
                   for (int offset = -8; offset < PvrdmaRegister.WindowBytes + 16; offset++)
                   {
                       Write(attack.Mallory, offset, width, value);
                       attack.Mallory.Device.ReadRegister(offset);
                   }
               }

               Assert.NotEqual(0ul, attack.Faults(GuestFault.Register));
           }),
        .. from offset in new[] { int.MinValue, -1, 0x30, 0x3C, 0x4C, 0x100, 0x1000, int.MaxValue }
           select new AttackCase(Class, $"offset {offset} written, where no register is", attack =>
           {
               attack.StillWorks();
               attack.Mallory.Write(offset, 2);
               Assert.Equal(1ul, attack.Faults(GuestFault.Register));
               attack.StillWorks();
           }),
        .. from offset in new[] { PvrdmaRegister.Version, PvrdmaRegister.Error, PvrdmaRegister.InterruptCause, PvrdmaRegister.ExtensionCaps, PvrdmaRegister.ExtensionInlineBytes }
           select new AttackCase(Class, $"read-only register 0x{offset:x} written", attack =>
           {
               uint before = attack.Mallory.Device.ReadRegister(offset);
               attack.Mallory.Write(offset, ~before);
               Assert.Equal(before, attack.Mallory.Device.ReadRegister(offset));
               Assert.Equal(1ul, attack.Faults(GuestFault.Register));
           }),
        new AttackCase(Class, "interrupts masked and unmasked without end while work completes", attack =>
        {
            for (uint i = 0; i < 200; i++)
            {
                attack.Mallory.Write(PvrdmaRegister.InterruptMask, i % 3 == 0 ? uint.MaxValue : i);
                attack.Here.Cq.Arm(solicited: false);
                attack.StillWorks();
            }
        }),
    ];

    private static IEnumerable<AttackCase> Reads =>
    [
        new AttackCase(Class, "every offset read, and nothing but the interrupt cause changes", attack =>
        {
            attack.StillWorks();
            for (int round = 0; round < 2; round++)
            {
                for (int offset = -8; offset < PvrdmaRegister.WindowBytes + 16; offset++)
                {
                    uint value = attack.Mallory.Device.ReadRegister(offset);
                    Assert.True(value == 0 || (offset & 3) == 0, $"a register at offset {offset}");
                }
            }

            Assert.Equal(0u, attack.Mallory.Device.ReadRegister(PvrdmaRegister.InterruptCause));
            attack.StillWorks();
        }),
    ];

    private static IEnumerable<AttackCase> Uar =>
    [
        new AttackCase(Class, "every UAR offset of a page written with every kind of value", attack =>
        {
            attack.StillWorks();
            foreach (uint value in Values)
            {
                for (int offset = 0; offset < PvrdmaUar.PageBytes; offset++)
                {
                    attack.Mallory.Device.WriteUar(offset, value & ~1u, attack.Arena.NowNs);
                }
            }

            Assert.NotEqual(0ul, attack.Faults(GuestFault.Doorbell));
            attack.StillWorks();
        }),
        .. from offset in new[] { int.MinValue, -4, 3, 12, 4095, 4096 + 16, int.MaxValue }
           select new AttackCase(Class, $"UAR offset {offset}", attack =>
           {
               attack.StillWorks();
               attack.Mallory.Device.WriteUar(offset, uint.MaxValue, attack.Arena.NowNs);
               Assert.NotEqual(0ul, attack.Faults(GuestFault.Doorbell));
               attack.StillWorks();
           }),
    ];

    private static IEnumerable<AttackCase> Mailbox =>
    [
        InMailbox("a write to no register in every turn", (page, turn) => page->MailboxOffset = 0xFFFF_FFF0),
        InMailbox("a request for no command in every turn", (page, turn) => page->MailboxOffset = PvrdmaRegister.Request),
        InMailbox("an offset and a value that change and no sequence that says so", (page, turn) =>
        {
            page->MailboxOffset = (uint)turn * 4;
            page->MailboxValue = (uint)turn;
            page->MailboxSequence--;
        }),
        InMailbox("a sequence that goes backwards", (page, turn) =>
        {
            page->MailboxOffset = PvrdmaRegister.InterruptMask;
            page->MailboxSequence -= 2;
        }),
        InMailbox("a sequence that jumps", (page, turn) =>
        {
            page->MailboxOffset = PvrdmaRegister.InterruptMask;
            page->MailboxSequence += (uint)turn * 0x1234_5677;
        }),
        InMailbox("the device's own pages overwritten", (page, turn) =>
        {
            page->MailboxOffset = PvrdmaRegister.MacLow;
            byte* control = (byte*)page - ControlRegion.GuestPage;
            new Span<byte>(control + ControlRegion.RegisterPage, 4096).Fill((byte)turn);
            new Span<byte>(control + ControlRegion.DevicePage, 4096).Fill((byte)turn);
        }),
        InMailbox("resets in every turn", (page, turn) =>
        {
            page->MailboxOffset = PvrdmaRegister.Control;
            page->MailboxValue = (uint)PvrdmaDeviceControl.Reset;
        }),
    ];

    private delegate void MailboxAction(GuestControlPage* page, int turn);

    private static AttackCase InMailbox(string name, MailboxAction act) => new(Class, $"mailbox: {name}", attack =>
    {
        var page = (GuestControlPage*)(((HostArena)attack.Arena).MalloryControl + ControlRegion.GuestPage);
        for (int turn = 0; turn < 300; turn++)
        {
            act(page, turn);
            page->MailboxSequence++;
            attack.Arena.Turn();
        }
    })
    { NeedsHost = true };

    /// <summary>As a front end does that knows 32-bit registers only: narrow writes reach it as they are, wide ones as two.</summary>
    private static void Write(TestGuest guest, int offset, int width, uint value)
    {
        uint cut = width switch { 1 => value & 0xFF, 2 => value & 0xFFFF, _ => value };

        // A reset or an activation in between is part of it; commands find whatever stands in the slot.
        guest.Write(offset, cut);
        if (width == 8)
        {
            guest.Write(offset + 4, cut);
        }
    }
}
