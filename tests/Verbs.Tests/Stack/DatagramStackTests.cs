using System.Net;

namespace RoceEngine.Verbs.Tests;

/// <summary>UD through the whole stack.</summary>
public abstract class DatagramStackTests(StackMode mode)
{
    private const uint QueueKey = 0x11_2233;
    private const int Header = AddressHandle.GlobalRouteHeaderBytes;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(333)]
    [InlineData(1024)]
    public void A_datagram_arrives_behind_its_header_and_can_be_answered(int bytes)
    {
        using Duo duo = Start();
        byte[] sent = duo.Left.Fill(0, bytes, seed: bytes);
        duo.Right.Receive(7, 100, Header + bytes);
        duo.Left.Receive(8, 2048, Header + 10);
        using AddressHandle there = duo.Left.Domain.CreateAddressHandle(new AddressHandleAttributes { DestinationAddress = duo.Right.Context.Address });
        Send(duo.Left, there, duo.Right.QueuePair.Number, 0, bytes, SendOpcode.SendWithImmediate);
        WorkCompletion received = duo.NextSuccess(duo.Right.ReceiveQueue);
        Assert.Equal((7ul, WorkCompletionOpcode.Receive, (uint)(Header + bytes)), (received.WorkRequestId, received.Opcode, received.ByteLength));
        Assert.Equal(
            (CompletionFlags.GlobalRouteHeader | CompletionFlags.WithImmediate, 0xA1B2C3D4u, duo.Left.QueuePair.Number),
            (received.Flags, received.ImmediateData, received.SourceQueuePair));
        Assert.True(duo.Right.Bytes(100 + Header, bytes).SequenceEqual(sent));
        Assert.Equal(WorkCompletionOpcode.Send, duo.NextSuccess(duo.Left.SendQueue).Opcode);

        using AddressHandle back = duo.Right.Domain.CreateAddressHandle(received, duo.Right.Bytes(100, Header));
        Assert.Equal(duo.Left.Context.Address, back.Attributes.DestinationAddress);
        Send(duo.Right, back, received.SourceQueuePair, 0, 10);
        WorkCompletion answer = duo.NextSuccess(duo.Left.ReceiveQueue);
        Assert.Equal((8ul, CompletionFlags.GlobalRouteHeader, duo.Right.QueuePair.Number), (answer.WorkRequestId, answer.Flags, answer.SourceQueuePair));
    }

    [Fact]
    public void A_datagram_with_another_queue_key_or_without_a_receive_is_dropped()
    {
        using Duo duo = Start();
        using QueuePair other = NewQueuePair(duo.Right);
        using AddressHandle there = duo.Left.Domain.CreateAddressHandle(new AddressHandleAttributes { DestinationAddress = duo.Right.Context.Address });

        // Nobody waits for this one. The other QP hears of the next, so that it is known to have come and gone.
        duo.Left.Fill(0, 8, seed: 1);
        Send(duo.Left, there, duo.Right.QueuePair.Number, 0, 8);
        other.PostReceive(1, duo.Right.Region.Entry(0, 100));
        Send(duo.Left, there, other.Number, 0, 8);
        Assert.Equal(other.Number, duo.NextSuccess(duo.Right.ReceiveQueue).QueuePairNumber);

        duo.Right.Receive(2, 0, 100);
        Send(duo.Left, there, duo.Right.QueuePair.Number, 0, 8, queueKey: QueueKey + 1);
        byte[] sent = duo.Left.Fill(16, 8, seed: 2);
        Send(duo.Left, there, duo.Right.QueuePair.Number, 16, 8, queueKey: 0x8000_0000);
        Assert.Equal(2ul, duo.NextSuccess(duo.Right.ReceiveQueue).WorkRequestId);
        Assert.True(duo.Right.Bytes(Header, 8).SequenceEqual(sent));
        Assert.Equal(QueuePairState.ReadyToSend, duo.Right.QueuePair.Query().State);
    }

    [Fact]
    public void A_message_beyond_the_mtu_stops_the_sends_until_they_are_let_go_on()
    {
        using Duo duo = Start();
        using AddressHandle there = duo.Left.Domain.CreateAddressHandle(new AddressHandleAttributes { DestinationAddress = duo.Right.Context.Address });
        int mtu = duo.Left.Context.QueryPort().MaxMtuBytes;
        Send(duo.Left, there, duo.Right.QueuePair.Number, 0, mtu + 1, id: 5);
        WorkCompletion failed = duo.Next(duo.Left.SendQueue);
        Assert.Equal((5ul, CompletionStatus.LocalLengthError), (failed.WorkRequestId, failed.Status));
        Assert.Equal(QueuePairState.SendQueueError, duo.Left.QueuePair.State);
        Assert.Equal(QueuePairState.SendQueueError, duo.Left.QueuePair.Query().State);
        Send(duo.Left, there, duo.Right.QueuePair.Number, 0, 1, id: 6);
        WorkCompletion flushed = duo.Next(duo.Left.SendQueue);
        Assert.Equal((6ul, CompletionStatus.FlushError), (flushed.WorkRequestId, flushed.Status));
        duo.Left.QueuePair.ToReadyToSendAgain();
        duo.Right.Receive(1, 0, Header + 1);
        Send(duo.Left, there, duo.Right.QueuePair.Number, 0, 1, id: 7);
        Assert.Equal(7ul, duo.NextSuccess(duo.Left.SendQueue).WorkRequestId);
        Assert.Equal(1ul, duo.NextSuccess(duo.Right.ReceiveQueue).WorkRequestId);
    }

    [Fact]
    public void A_group_reaches_all_its_members_and_nobody_else()
    {
        using Duo duo = Start();
        IPAddress group = IPAddress.Parse("239.13.7.9");
        using QueuePair second = NewQueuePair(duo.Right);
        using QueuePair outsider = NewQueuePair(duo.Right);
        duo.Right.QueuePair.AttachMulticast(group);
        second.AttachMulticast(group);
        duo.Right.Receive(1, 0, 100);
        second.PostReceive(2, duo.Right.Region.Entry(100, 100));
        outsider.PostReceive(3, duo.Right.Region.Entry(200, 100));
        using AddressHandle everybody = duo.Left.Domain.CreateAddressHandle(new AddressHandleAttributes { DestinationAddress = group });
        byte[] sent = duo.Left.Fill(0, 20, seed: 3);
        Send(duo.Left, everybody, AddressHandle.MulticastQueuePair, 0, 20);
        ulong[] ids = [duo.NextSuccess(duo.Right.ReceiveQueue).WorkRequestId, duo.NextSuccess(duo.Right.ReceiveQueue).WorkRequestId];
        Assert.Equal<ulong>([1, 2], ids.Order());
        Assert.True(duo.Right.Bytes(Header, 20).SequenceEqual(sent));
        Assert.True(duo.Right.Bytes(100 + Header, 20).SequenceEqual(sent));

        // One that left hears nothing more; the datagram after it shows that the first was dealt out.
        second.DetachMulticast(group);
        Assert.Equal(Errno.Invalid, Assert.Throws<VerbsException>(() => second.DetachMulticast(group)).Errno);
        duo.Right.Receive(4, 0, 100);
        second.PostReceive(5, duo.Right.Region.Entry(100, 100));
        Send(duo.Left, everybody, AddressHandle.MulticastQueuePair, 0, 20);
        Assert.Equal(4ul, duo.NextSuccess(duo.Right.ReceiveQueue).WorkRequestId);
        Assert.Equal(0, duo.Right.ReceiveQueue.Poll(new WorkCompletion[1]));

        // A member is not destroyed.
        Assert.Equal(Errno.Busy, Assert.Throws<VerbsException>(duo.Right.QueuePair.Dispose).Errno);
        duo.Right.QueuePair.DetachMulticast(group);
    }

    private Duo Start()
    {
        var duo = new Duo(mode, new EndpointOptions { Type = QueuePairType.Ud }, connect: false);
        duo.Left.QueuePair.ActivateDatagrams(QueueKey, 5);
        duo.Right.QueuePair.ActivateDatagrams(QueueKey, 6);
        return duo;
    }

    private static QueuePair NewQueuePair(Endpoint end)
    {
        QueuePair queuePair = end.Domain.CreateQueuePair(new QueuePairOptions
        {
            SendCompletionQueue = end.SendQueue, ReceiveCompletionQueue = end.ReceiveQueue, Type = QueuePairType.Ud,
        });
        queuePair.ActivateDatagrams(QueueKey);
        return queuePair;
    }

    private static void Send(
        Endpoint end, AddressHandle destination, uint number, int offset, int bytes, SendOpcode opcode = SendOpcode.Send, uint queueKey = QueueKey, ulong id = 0) =>
        end.QueuePair.PostSend(
            new SendRequest
            {
                WorkRequestId = id, Opcode = opcode, Flags = SendFlags.Signaled, Immediate = 0xA1B2C3D4, Destination = destination,
                RemoteQueuePair = number, RemoteQueueKey = queueKey,
            },
            end.Region.Entry(offset, bytes));
}
