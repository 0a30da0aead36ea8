using System.Net;
using RoceEngine.ConnectionManager;
using RoceEngine.ConnectionManager.Messages;
using RoceEngine.ConnectionManager.Protocol;
using RoceEngine.Embedded;
using RoceEngine.Verbs;

namespace ConnectionManager.Tests;

/// <summary>Managers of real devices.</summary>
public sealed class ServiceTests
{
    private static readonly ulong s_service = ServiceId.Of(ServiceId.Tcp, 7174);

    [Fact]
    public void A_program_that_has_all_the_address_handles_keeps_its_manager()
    {
        var serverAddress = IPAddress.Parse("127.11.7.2");
        using RdmaContext clientDevice = Open("127.11.7.1");
        using RdmaContext serverDevice = Open("127.11.7.2");
        using var asked = new ManualResetEventSlim();
        Exception? lost = null;
        using var client = new ConnectionService(clientDevice, _ => true);
        client.Lost += e => lost = e;
        using var server = new ConnectionService(serverDevice, happened =>
        {
            asked.Set();
            return true;
        });
        Assert.True(server.Call((core, now) => core.TryListen(s_service, now, out CmListener? _)));
        using ProtectionDomain domain = clientDevice.AllocateProtectionDomain();
        List<AddressHandle> all = TakeAll(domain);

        var request = new ConnectRequest
        {
            ServiceId = s_service, QueuePairNumber = 11, PathMtuCode = 3, LocalAddress = clientDevice.Address, RemoteAddress = serverAddress,
        };
        CmConnection connection = client.Call((core, now) => core.Connect(serverAddress, request, now));
        Assert.False(asked.Wait(TimeSpan.FromMilliseconds(300), TestContext.Current.CancellationToken), "it went out without a way to the peer");
        all.ForEach(handle => handle.Dispose());

        // Asked again after the time that the peer has for its answer, 4.3 s.
        Assert.True(asked.Wait(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken), $"the peer never heard of it: {lost?.Message}");
        Assert.Null(lost);
        Assert.NotEqual(ConnectionState.Idle, connection.State);
    }

    private static RdmaContext Open(string address) =>
        EmbeddedRdma.Open(new EmbeddedOptions { Address = IPAddress.Parse(address), MemoryBytes = 8 << 20 });

    private static List<AddressHandle> TakeAll(ProtectionDomain domain)
    {
        List<AddressHandle> taken = [];
        try
        {
            while (true)
            {
                taken.Add(domain.CreateAddressHandle(new AddressHandleAttributes { DestinationAddress = IPAddress.Loopback }));
            }
        }
        catch (VerbsException e) when (e.Errno == Errno.NoMemory)
        {
            return taken;
        }
    }
}
