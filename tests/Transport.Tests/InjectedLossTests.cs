using RoceEngine.Links;
using RoceEngine.Wire;

namespace Transport.Tests;

public sealed class InjectedLossTests
{
    private const int Sent = 4000;

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(0.05, 130, 270)]
    [InlineData(1, Sent, Sent)]
    public void A_lossy_link_loses_that_share_of_what_it_receives_and_counts_it(double rate, int lostMin, int lostMax)
    {
        using UdpLink sender = TestAddresses.OpenLink();
        using UdpLink receiver = TestAddresses.OpenLink(new UdpLinkOptions { LossRate = rate, LossSeed = 5 });
        var route = new Route(sender.Address, receiver.Address, trafficClass: 2);
        var recorder = new RecordingReceiver();
        for (uint i = 0; i < Sent; i++)
        {
            sender.Emit(TestPackets.Make(Opcode.RcAcknowledge, i), route);
            if (i % 50 == 49)
            {
                sender.Flush();
                receiver.Receive(recorder, 1000);
            }
        }
        for (int attempt = 0; attempt < 1000 && recorder.Packets.Count + receiver.Statistics.InjectedLosses < Sent; attempt++)
        {
            if (receiver.Receive(recorder, 1000) == 0)
                Thread.Sleep(5);
        }

        Assert.InRange(receiver.Statistics.InjectedLosses, lostMin, lostMax);
        Assert.Equal(Sent, recorder.Packets.Count + receiver.Statistics.InjectedLosses);
        Assert.Equal(recorder.Packets.Count, receiver.Statistics.DatagramsReceived);
        Assert.Equal(recorder.Packets.Select(packet => packet.Fields.Psn.Value).Order(), recorder.Packets.Select(packet => packet.Fields.Psn.Value));
    }
}
