using RoceEngine.Capture;
using RoceEngine.Wire;

namespace Hostile.Tests.Fuzzing;

/// <summary>
/// What is fuzzed, by name. A target takes any bytes; it throws, or ends the process at a guard page, only where there is a defect. Each run begins with
/// fresh objects, so that a failing input fails alone.
/// </summary>
public static class FuzzTargets
{
    /// <summary>Bytes of an input at most; what is longer is not looked at.</summary>
    public const int InputBytesMax = 64 * 1024;

    public static IReadOnlyDictionary<string, Action<byte[]>> All { get; } = new Dictionary<string, Action<byte[]>>
    {
        ["codec"] = Codec,
        ["capture"] = Capture,
        ["commands"] = DeviceFuzz.Commands,
        ["requests"] = DeviceFuzz.WorkRequests,
        ["responder"] = DeviceFuzz.Responder,
        ["requester"] = DeviceFuzz.Requester,
    };

    /// <summary>What decodes is consistent, and decodes to the same fields after it was encoded again.</summary>
    private static void Codec(byte[] input)
    {
        _ = IcrcVerifier.TryVerify(Gid.FromIPv4(1), Gid.FromIPv4(2), 4791, input, out _);
        if (!PacketCodec.TryDecode(input, out Packet packet, out MalformedReason reason))
        {
            Must(reason != MalformedReason.None, "a refusal has a reason");
            return;
        }

        int headerBytes = OpcodeTable.For(packet.Opcode).HeaderBytes;
        Must(packet.PayloadBytes >= 0 && packet.PayloadBytes <= RoceUdp.PayloadBytesMax, "the payload fits");
        Must(headerBytes + packet.PayloadBytes + packet.PadCount + Icrc.Length == input.Length, "the parts are the whole");
        byte[] again = new byte[PacketCodec.DatagramBytes(packet)];
        Must(PacketCodec.EncodeHeaders(packet, again) == headerBytes, "the headers have their length");
        Must(PacketCodec.TryDecode(again, out Packet copy, out _), "what was encoded decodes");
        Must(copy.Opcode == packet.Opcode && copy.Psn == packet.Psn && copy.DestinationQpn == packet.DestinationQpn
            && copy.RemoteAddress == packet.RemoteAddress && copy.RemoteKey == packet.RemoteKey && copy.DmaLength == packet.DmaLength
            && copy.SwapOrAdd == packet.SwapOrAdd && copy.Compare == packet.Compare && copy.Syndrome == packet.Syndrome
            && copy.ImmediateOrKey == packet.ImmediateOrKey && copy.QueueKey == packet.QueueKey && copy.SourceQpn == packet.SourceQpn
            && copy.PayloadBytes == packet.PayloadBytes, "the fields are the same");
    }

    /// <summary>A capture gives packets, or says that it is none.</summary>
    private static void Capture(byte[] input)
    {
        try
        {
            foreach (DecodedPacket packet in PacketDecoder.Decode(new MemoryStream(input)))
            {
                _ = DecodedPacketText.Format(packet, 0);
                _ = DecodedPacketJson.Format(packet);
            }
        }
        catch (CaptureFormatException)
        {
            // The clear error that damage shall give.
        }
    }

    internal static void Must(bool condition, string what)
    {
        if (!condition)
        {
            throw new InvalidOperationException($"violated: {what}");
        }
    }
}
