using System.Net;
using RoceEngine.ConnectionManager.Messages;

namespace ConnectionManager.Tests;

/// <summary>Messages as two kernels exchanged them: what is read is what was meant, and written again it is the same bytes.</summary>
public sealed class MessageTests
{
    [Fact]
    public void The_capture_has_every_kind_of_message_but_the_receipt() => Assert.Equal(
        [
            CmAttribute.ConnectRequest, CmAttribute.ConnectReply, CmAttribute.ReadyToUse, CmAttribute.DisconnectRequest, CmAttribute.DisconnectReply,
            CmAttribute.ResolveRequest, CmAttribute.ResolveReply, CmAttribute.ConnectRequest, CmAttribute.Reject,
        ],
        GoldenMessages.All.Select(datagram => Kind(datagram).Attribute));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void A_message_read_and_written_is_the_same_bytes(int index)
    {
        byte[] datagram = GoldenMessages.All[index];
        (CmAttribute attribute, ulong transaction) = Kind(datagram);
        ReadOnlySpan<byte> message = ManagementDatagram.MessageOf((ReadOnlySpan<byte>)datagram);
        byte[] again = attribute switch
        {
            CmAttribute.ConnectRequest => ConnectRequest.Read(message).Write(transaction),
            CmAttribute.ConnectReply => ConnectReply.Read(message).Write(transaction),
            CmAttribute.ResolveRequest => ResolveRequest.Read(message).Write(transaction),
            CmAttribute.ResolveReply => ResolveReply.Read(message).Write(transaction),
            _ => ConnectionNotice.Read(attribute, message).Write(transaction),
        };
        Assert.Equal(datagram, again);
    }

    [Fact]
    public void A_request_says_what_rping_asked_for()
    {
        ConnectRequest request = ConnectRequest.Read(ManagementDatagram.MessageOf((ReadOnlySpan<byte>)GoldenMessages.All[0]));
        Assert.Equal(ServiceId.Of(ServiceId.Tcp, 7174), request.ServiceId);
        Assert.Equal((0x9Au, 0x9770D4u), (request.QueuePairNumber, request.FirstPsn));
        Assert.Equal((1, 1, 7, 7), (request.ResponderResources, request.InitiatorDepth, request.RetryCount, request.RnrRetryCount));
        Assert.Equal((20, 20, 15, 19), (request.LocalResponseTimeout, request.RemoteResponseTimeout, request.MaxRetries, request.AckTimeout));
        Assert.Equal((5, 0, 0xFFFF, 64), (request.PathMtuCode, request.Transport, request.PartitionKey, request.HopLimit));
        Assert.Equal((IPAddress.Parse("192.168.77.3"), IPAddress.Parse("192.168.77.2")), (request.LocalAddress, request.RemoteAddress));
        AddressHeader header = AddressHeader.Read(request.PrivateData)!;
        Assert.Equal(new AddressHeader(request.LocalAddress, request.RemoteAddress, 0xD18C), header);
        Assert.Equal(request.PrivateData, header.With(request.PrivateData.AsSpan(AddressHeader.Bytes), ConnectRequest.PrivateDataBytes));
    }

    [Fact]
    public void A_reply_names_both_ends()
    {
        ConnectReply reply = ConnectReply.Read(ManagementDatagram.MessageOf((ReadOnlySpan<byte>)GoldenMessages.All[1]));
        Assert.Equal((0x444F_5E3Cu, 0x45C6_CB65u), (reply.LocalId, reply.RemoteId));
        Assert.Equal((0x99u, 0x15B7ECu), (reply.QueuePairNumber, reply.FirstPsn));
        Assert.Equal((1, 1, 15, 7), (reply.ResponderResources, reply.InitiatorDepth, reply.TargetAckDelay, reply.RnrRetryCount));
    }

    [Fact]
    public void A_resolution_names_the_QP_and_its_key()
    {
        ResolveReply reply = ResolveReply.Read(ManagementDatagram.MessageOf((ReadOnlySpan<byte>)GoldenMessages.All[6]));
        Assert.Equal((ResolveStatus.Valid, 0x9Au, 0x0123_4567u), (reply.Status, reply.QueuePairNumber, reply.QueueKey));
        Assert.Equal(ServiceId.Of(ServiceId.Udp, 7174), reply.ServiceId);
    }

    [Fact]
    public void Nobody_listened_there() =>
        Assert.Equal(RejectReason.InvalidServiceId, ConnectionNotice.Read(CmAttribute.Reject, ManagementDatagram.MessageOf((ReadOnlySpan<byte>)GoldenMessages.All[8])).Reason);

    [Theory]
    [InlineData("fd77::1", "fd77::2", 0x60)]
    [InlineData("10.1.2.3", "10.1.2.4", 0x40)]
    public void Addresses_of_both_versions_come_back(string source, string destination, byte version)
    {
        var header = new AddressHeader(IPAddress.Parse(source), IPAddress.Parse(destination), 4711);
        byte[] bytes = header.With([1, 2, 3], ResolveRequest.PrivateDataBytes);
        Assert.Equal((version, 216), (bytes[1], bytes.Length));
        Assert.Equal(header, AddressHeader.Read(bytes));
        Assert.Equal([1, 2, 3], bytes[36..39]);
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(3, 0x81)]
    public void Another_class_version_or_method_is_no_message(int offset, byte value)
    {
        byte[] datagram = [.. GoldenMessages.All[0]];
        datagram[offset] = value;
        Assert.False(ManagementDatagram.TryRead(datagram, out _, out _));
        Assert.False(ManagementDatagram.TryRead(GoldenMessages.All[0].AsSpan(0, 255), out _, out _));
    }

    [Fact]
    public void A_receipt_says_how_long()
    {
        byte[] datagram = new ConnectionNotice { Attribute = CmAttribute.ReceiptAck, LocalId = 1, RemoteId = 2, Answers = 1, ServiceTimeout = 24 }.Write(5);
        ConnectionNotice notice = ConnectionNotice.Read(CmAttribute.ReceiptAck, ManagementDatagram.MessageOf((ReadOnlySpan<byte>)datagram));
        Assert.Equal((1u, 2u, 1, 24), (notice.LocalId, notice.RemoteId, notice.Answers, notice.ServiceTimeout));
        Assert.Equal((0x40, 0xC0), (datagram[24 + 8], datagram[24 + 9]));
    }

    private static (CmAttribute Attribute, ulong Transaction) Kind(byte[] datagram)
    {
        Assert.True(ManagementDatagram.TryRead(datagram, out CmAttribute attribute, out ulong transaction));
        return (attribute, transaction);
    }
}
