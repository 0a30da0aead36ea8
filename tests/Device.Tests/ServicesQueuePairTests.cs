using RoceEngine.Abi;

namespace Device.Tests;

/// <summary>The QP of general services. IBTA vol. 1, 13.5.1.</summary>
public sealed class ServicesQueuePairTests
{
    [Fact]
    public void There_is_one_and_its_number_is_1()
    {
        using var guest = new TestGuest(new GuestOptions { Pages = 256 });
        uint domain = guest.CreateDomain();
        GuestCompletionQueue queue = guest.CreateCompletionQueue();
        PvrdmaCreateQp request = new GuestQueuePair(guest, domain, queue, queue).Request with { QpType = (byte)PvrdmaQpType.Gsi };
        Assert.Equal(PvrdmaCommandError.None, guest.Command(PvrdmaCommand.CreateQp, request));
        Assert.Equal(PvrdmaCommandError.Busy, guest.Command(PvrdmaCommand.CreateQp, request));
        Assert.Equal(1, guest.Device.QueuePairCount);
    }
}
