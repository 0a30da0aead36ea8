using RoceEngine.Interop;

namespace Transport.Tests;

/// <summary>Sizes and offsets of 64-bit Linux, from the C headers.</summary>
public unsafe class InteropLayoutTests
{
    private static int Offset(void* start, void* field) => (int)((byte*)field - (byte*)start);

    [Fact]
    public void Sockaddr_in_has_the_kernels_layout()
    {
        SockaddrIn it = default;
        Assert.Equal(16, sizeof(SockaddrIn));
        Assert.Equal([0, 2, 4], [Offset(&it, &it.Family), Offset(&it, &it.PortNetworkOrder), Offset(&it, &it.AddressNetworkOrder)]);
    }

    [Fact]
    public void Sockaddr_in6_has_the_kernels_layout()
    {
        SockaddrIn6 it = default;
        Assert.Equal(28, sizeof(SockaddrIn6));
        Assert.Equal(
            [0, 2, 4, 8, 24],
            [Offset(&it, &it.Family), Offset(&it, &it.PortNetworkOrder), Offset(&it, &it.FlowInfo), Offset(&it, it.Address), Offset(&it, &it.ScopeId)]);
    }

    [Fact]
    public void Sockaddr_un_has_the_kernels_layout()
    {
        SockaddrUn it = default;
        Assert.Equal(110, sizeof(SockaddrUn));
        Assert.Equal([0, 2], [Offset(&it, &it.Family), Offset(&it, it.Path)]);
    }

    [Fact]
    public void Message_structs_have_the_kernels_layout()
    {
        IoVector vector = default;
        Assert.Equal(16, sizeof(IoVector));
        Assert.Equal([0, 8], [Offset(&vector, &vector.Base), Offset(&vector, &vector.Length)]);

        MessageHeader header = default;
        Assert.Equal(56, sizeof(MessageHeader));
        Assert.Equal(
            [0, 8, 16, 24, 32, 40, 48],
            [
                Offset(&header, &header.Name), Offset(&header, &header.NameLength), Offset(&header, &header.Vectors),
                Offset(&header, &header.VectorCount), Offset(&header, &header.Control), Offset(&header, &header.ControlLength),
                Offset(&header, &header.Flags),
            ]);

        MultipleMessageHeader multiple = default;
        Assert.Equal(64, sizeof(MultipleMessageHeader));
        Assert.Equal([0, 56], [Offset(&multiple, &multiple.Header), Offset(&multiple, &multiple.Length)]);

        ControlMessageHeader control = default;
        Assert.Equal(16, sizeof(ControlMessageHeader));
        Assert.Equal([0, 8, 12], [Offset(&control, &control.Length), Offset(&control, &control.Level), Offset(&control, &control.Type)]);
    }

    [Fact]
    public void Poll_time_and_credential_structs_have_the_kernels_layout()
    {
        PollDescriptor poll = default;
        Assert.Equal(8, sizeof(PollDescriptor));
        Assert.Equal([0, 4, 6], [Offset(&poll, &poll.Descriptor), Offset(&poll, &poll.Events), Offset(&poll, &poll.ReturnedEvents)]);

        TimeSpec time = default;
        Assert.Equal(16, sizeof(TimeSpec));
        Assert.Equal([0, 8], [Offset(&time, &time.Seconds), Offset(&time, &time.Nanoseconds)]);

        PeerCredentials peer = default;
        Assert.Equal(12, sizeof(PeerCredentials));
        Assert.Equal([0, 4, 8], [Offset(&peer, &peer.ProcessId), Offset(&peer, &peer.UserId), Offset(&peer, &peer.GroupId)]);
    }

    [Theory]
    [InlineData(0, 16, 16)]
    [InlineData(1, 17, 24)]
    [InlineData(2, 18, 24)]
    [InlineData(8, 24, 24)]
    [InlineData(12, 28, 32)]
    public void Control_message_arithmetic_is_that_of_the_macros(int dataBytes, int length, int space)
    {
        Assert.Equal(length, ControlMessages.Length(dataBytes));
        Assert.Equal(space, ControlMessages.Space(dataBytes));
    }

    [Fact]
    public void Control_messages_written_one_after_the_other_are_found_again()
    {
        byte* buffer = stackalloc byte[64];
        int first = ControlMessages.WriteInt32(buffer, 1, 2, 3);
        int second = ControlMessages.WriteUInt16(buffer + first, 4, 5, 6);
        var header = new MessageHeader { Control = buffer, ControlLength = (nuint)(first + second) };

        ControlMessageHeader* message = ControlMessages.First(header);
        Assert.Equal((1, 2, 3), (message->Level, message->Type, *(int*)ControlMessages.Data(message)));
        message = ControlMessages.Next(header, message);
        Assert.Equal((4, 5, 6), (message->Level, message->Type, *(ushort*)ControlMessages.Data(message)));
        Assert.Equal(2, ControlMessages.DataBytes(message));
        Assert.True(ControlMessages.Next(header, message) == null);
    }

    [Fact]
    public void A_control_message_with_an_impossible_length_ends_the_walk()
    {
        byte* buffer = stackalloc byte[64];
        ControlMessages.WriteInt32(buffer, 1, 2, 3);
        var header = new MessageHeader { Control = buffer, ControlLength = 64 };
        var message = (ControlMessageHeader*)buffer;
        message->Length = 3;
        Assert.True(ControlMessages.Next(header, message) == null);
        message->Length = 4096;
        Assert.True(ControlMessages.Next(header, message) == null);
    }
}
