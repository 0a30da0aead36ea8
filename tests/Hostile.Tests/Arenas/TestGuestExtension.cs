namespace Hostile.Tests.Arenas;

/// <summary>What devices offer today, asked of one.</summary>
internal static class TestGuestExtension
{
    private static readonly ExtensionBits All = Ask();

    public static ExtensionBits Offered(ExtensionBits wanted) => wanted & All;

    private static ExtensionBits Ask()
    {
        using var guest = new TestGuest(new GuestOptions { Extension = ExtensionBits.DoorbellBitmap }, bringUp: false);
        return (ExtensionBits)guest.Device.ReadRegister(PvrdmaRegister.ExtensionCaps);
    }
}
