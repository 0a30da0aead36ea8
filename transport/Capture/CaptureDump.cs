namespace RoceEngine.Capture;

/// <summary>A whole capture as lines: what <c>vrdma decode</c> prints.</summary>
public static class CaptureDump
{
    /// <summary>
    /// Writes a line per datagram to port 4791. Text ends with a line that sums up; JSON has packets only, an object a line.
    /// </summary>
    /// <returns>What the capture amounted to.</returns>
    /// <exception cref="CaptureFormatException">The stream is no capture or is cut off; the lines before have been written.</exception>
    /// <exception cref="IOException">A stream cannot be read or written.</exception>
    public static DecodeSummary Write(Stream capture, TextWriter output, bool asJson, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(output);
        var summary = new DecodeSummary();
        long? startNs = null;
        foreach (DecodedPacket packet in PacketDecoder.Decode(capture, summary))
        {
            cancellation.ThrowIfCancellationRequested();
            startNs ??= packet.TimestampNs;
            output.WriteLine(asJson ? DecodedPacketJson.Format(packet) : DecodedPacketText.Format(packet, startNs.Value));
        }

        if (!asJson)
        {
            output.WriteLine(DecodedPacketText.Format(summary));
        }

        return summary;
    }
}
