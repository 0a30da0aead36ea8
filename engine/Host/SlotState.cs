using System.Buffers.Binary;
using RoceEngine.Protocol;

namespace RoceEngine.Host;

/// <summary>A device's state as hosts hand it on: the sequence number of its mailbox, then what the device says of itself.</summary>
internal static class SlotState
{
    public static byte[] Join(uint mailboxSequence, ReadOnlySpan<byte> device)
    {
        byte[] state = new byte[sizeof(uint) + device.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(state, mailboxSequence);
        device.CopyTo(state.AsSpan(sizeof(uint)));
        return state;
    }

    /// <exception cref="StateException">Too short.</exception>
    public static ReadOnlyMemory<byte> Split(ReadOnlyMemory<byte> state, out uint mailboxSequence)
    {
        if (state.Length < sizeof(uint))
            throw new StateException("the device state is empty");
        mailboxSequence = BinaryPrimitives.ReadUInt32LittleEndian(state.Span);
        return state[sizeof(uint)..];
    }
}
