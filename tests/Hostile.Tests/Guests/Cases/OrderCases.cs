namespace Hostile.Tests.Guests.Cases;

/// <summary>Commands and control writes before, after and between where they belong.</summary>
internal static unsafe class OrderCases
{
    private const string Class = "order of commands";

    private static readonly uint[] CommandNumbers =
        [.. Enumerable.Range(0, 24).Select(number => (uint)number), .. Enumerable.Range(0x100, 8).Select(number => (uint)number), 0x7FFF_FFFF, 0x8000_0000, uint.MaxValue];

    public static IEnumerable<AttackCase> All => [.. Inactive, .. Control, .. Commands];

    private static IEnumerable<AttackCase> Inactive =>
    [
        new AttackCase(Class, "every command before there is a shared region", attack =>
        {
            // A reset takes the device back to where a driver has not begun.
            attack.Mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
            AllCommandsFail(attack);
        }),
        new AttackCase(Class, "every command between shared region and activation", attack =>
        {
            attack.Mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
            attack.Mallory.WriteRegion(attack.Mallory.Region);
            AllCommandsFail(attack);
        }),
        new AttackCase(Class, "every command after a reset in the middle of work", attack =>
        {
            attack.StillWorks();
            attack.Here.Qp.TryWriteSend(attack.Write(), [attack.Here.Region.Sge(0, 60_000)]);
            attack.Mallory.RingSend(attack.Here.Qp);
            attack.Arena.Turn();
            attack.Mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
            AllCommandsFail(attack);
        }),
        new AttackCase(Class, "activation without a shared region", attack =>
        {
            attack.Mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
            Activate(attack, expected: PvrdmaCommandError.InvalidArgument);
            Assert.False(attack.Mallory.Device.IsActive);
        }),
        new AttackCase(Class, "activation after the high half of a shared region alone", attack =>
        {
            attack.Mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
            attack.Mallory.Write(PvrdmaRegister.DsrHigh, 0xFFFF_FFFF);
            Activate(attack, expected: PvrdmaCommandError.InvalidArgument);
        }),
        new AttackCase(Class, "doorbells and packets while the device is inactive", attack =>
        {
            attack.StillWorks();
            uint handle = attack.Here.Qp.Handle;
            attack.Mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
            DoorbellBitmap.ForSends(attack.Mallory.Control).Set(handle);
            attack.Mallory.Device.WriteUar(PvrdmaUar.QpOffset, PvrdmaUar.QpSend | handle, attack.Arena.NowNs);
            attack.There.Qp.PostSend(
                new PvrdmaSendWqe { Opcode = (uint)PvrdmaWrOpcode.Send, Flags = (uint)PvrdmaSendFlags.Signaled }, attack.There.Region.Sge(0, 64));
            attack.Arena.Run();
            Assert.Equal(0, attack.Mallory.Device.QueuePairCount);
        }),
    ];

    private static IEnumerable<AttackCase> Control =>
    [
        new AttackCase(Class, "activation a hundred times", attack =>
        {
            attack.StillWorks();
            for (int i = 0; i < 100; i++)
            {
                Activate(attack, PvrdmaCommandError.None);
            }

            attack.StillWorks();
        }),
        new AttackCase(Class, "reset and activation a thousand times", attack =>
        {
            for (int i = 0; i < 1000; i++)
            {
                attack.Mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
                attack.Mallory.BringUp();
                attack.Mallory.CreateDomain();
            }
        }),
        .. from value in new[] { 3u, 4u, 0x100u, 0x8000_0000u, uint.MaxValue }
           select new AttackCase(Class, $"device control 0x{value:x}", attack =>
           {
               attack.StillWorks();
               attack.Mallory.Write(PvrdmaRegister.Control, value);
               Assert.Equal((uint)PvrdmaCommandError.InvalidArgument, attack.Mallory.Error);
               attack.StillWorks();
           }),
        new AttackCase(Class, "unquiesce while inactive", attack =>
        {
            attack.Mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
            attack.Mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Unquiesce);
            Assert.Equal((uint)PvrdmaCommandError.NotActive, attack.Mallory.Error);
        }),
        new AttackCase(Class, "the extension changed while active", attack =>
        {
            attack.StillWorks();
            attack.Mallory.Write(PvrdmaRegister.ExtensionEnable, 0);
            Assert.Equal((uint)PvrdmaCommandError.Busy, attack.Mallory.Error);
            attack.StillWorks();
        }),
        new AttackCase(Class, "extension bits that nobody offers", attack =>
        {
            attack.Mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
            attack.Mallory.Write(PvrdmaRegister.ExtensionEnable, uint.MaxValue);
            Assert.Equal(attack.Mallory.Device.ReadRegister(PvrdmaRegister.ExtensionCaps), (uint)attack.Mallory.Device.Extension);
        }),
    ];

    private static IEnumerable<AttackCase> Commands =>
    [
        .. from number in new[] { 21u, 22u, 0xFFu, 0x107u, 0x1_0000u, 0x7FFF_FFFFu, 0x8000_0000u, 0x8000_0002u, uint.MaxValue }
           select new AttackCase(Class, $"command number 0x{number:x}", attack =>
               attack.Refused((PvrdmaCommand)number, default(PvrdmaModifyQp), PvrdmaCommandError.NotSupported)),
        new AttackCase(Class, "the same request rung ten thousand times", attack =>
        {
            uint domain = attack.Mallory.CreateDomain();
            for (int i = 0; i < 10_000; i++)
            {
                attack.Mallory.Write(PvrdmaRegister.Request, (uint)i);
            }

            Assert.InRange(attack.Mallory.Device.ProtectionDomainCount, 1, attack.Mallory.Options.Limits.ProtectionDomains);
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyPd, domain));
        }),
        new AttackCase(Class, "a protection domain destroyed under its region", attack => InUse(attack, PvrdmaCommand.DestroyPd, attack.Here.Domain)),
        new AttackCase(Class, "a completion queue destroyed under its queue pair", attack => InUse(attack, PvrdmaCommand.DestroyCq, attack.Here.Cq.Handle)),
        new AttackCase(Class, "a user context destroyed under its protection domain", attack =>
        {
            attack.Mallory.Command(PvrdmaCommand.CreateUc, default(PvrdmaCreateUc), out PvrdmaHandleResponse context);
            attack.Mallory.Command(
                PvrdmaCommand.CreatePd, new PvrdmaHandleCommand { Handle = context.Handle }, out PvrdmaHandleResponse domain);
            attack.Refused(PvrdmaCommand.DestroyUc, new PvrdmaHandleCommand { Handle = context.Handle }, PvrdmaCommandError.Busy);
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyPd, domain.Handle));
            Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(PvrdmaCommand.DestroyUc, context.Handle));
        }),
        .. from command in new[] { PvrdmaCommand.DestroyPd, PvrdmaCommand.DestroyMr, PvrdmaCommand.DestroyCq, PvrdmaCommand.DestroyQp, PvrdmaCommand.DestroyUc }
           select new AttackCase(Class, $"{command} twice", attack =>
           {
               uint handle = HandleCases.Create(attack, command);
               Assert.Equal(PvrdmaCommandError.None, attack.Mallory.Destroy(command, handle));
               attack.Refused(command, new PvrdmaHandleCommand { Handle = handle }, PvrdmaCommandError.NoSuchObject);
           }),
    ];

    private static void InUse(Attack attack, PvrdmaCommand command, uint handle)
    {
        attack.Refused(command, new PvrdmaHandleCommand { Handle = handle }, PvrdmaCommandError.Busy);
        attack.StillWorks();
    }

    private static void Activate(Attack attack, PvrdmaCommandError expected)
    {
        attack.Mallory.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Activate);
        Assert.Equal((uint)expected, attack.Mallory.Error);
    }

    private static void AllCommandsFail(Attack attack)
    {
        TestGuest mallory = attack.Mallory;
        new Span<byte>(mallory.Memory.At(mallory.ResponseSlot), 4096).Fill(0xEE);
        foreach (uint number in CommandNumbers)
        {
            *(PvrdmaCommandHeader*)mallory.Memory.At(mallory.CommandSlot) = new PvrdmaCommandHeader { Cookie = 7, Command = number };
            mallory.Write(PvrdmaRegister.Request, 0);
            Assert.Equal((uint)PvrdmaCommandError.NotActive, mallory.Error);
        }

        // Nobody answered: the slot is as it was.
        Assert.All(new Span<byte>(mallory.Memory.At(mallory.ResponseSlot), 4096).ToArray(), value => Assert.Equal(0xEE, value));
        Assert.Equal(0, mallory.Device.ProtectionDomainCount);
    }
}
