using System.Diagnostics;
using RoceEngine.Capture;
using RoceEngine.Wire;

namespace Wire.Tests.Capture;

public class TsharkTests
{
    /// <summary>Runs tshark; null when it is not installed.</summary>
    private static (string Output, string Errors, int ExitCode)? Run(params string[] arguments)
    {
        var start = new ProcessStartInfo("tshark", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }

        using (process)
        {
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (output, errors.Result, process.ExitCode);
        }
    }

    private static List<(Opcode Opcode, bool IsIPv6)> WriteEveryOpcode(string path)
    {
        var written = new List<(Opcode, bool)>();
        using var writer = new CaptureWriter(File.Create(path));
        foreach (bool isIPv6 in (bool[])[false, true])
        {
            Gid source = isIPv6 ? Packets.Left6 : Packets.Left;
            Gid destination = isIPv6 ? Packets.Right6 : Packets.Right;
            foreach (Opcode opcode in Enum.GetValues<Opcode>())
            {
                var packet = new Packet
                {
                    Opcode = opcode,
                    PartitionKey = 0xFFFF,
                    DestinationQpn = 0x30,
                    SourceQpn = 0x31,
                    Psn = new Psn((uint)written.Count),
                    PayloadBytes = OpcodeTable.For(opcode).HasAny(PacketTraits.HasPayload) ? 61 : 0,
                };
                byte[] bytes = Packets.Encode(packet, source, destination, 0xC001, (ushort)written.Count);
                var direction = written.Count % 2 == 0 ? CaptureDirection.Outbound : CaptureDirection.Inbound;
                writer.WriteDatagram(
                    source, destination, 0xC001, 0x02, (ushort)written.Count, bytes, 1_700_000_000_000_000_001 + written.Count, direction);
                written.Add((opcode, isIPv6));
            }
        }

        return written;
    }

    [Fact]
    public void Tshark_opens_a_written_capture_without_complaint()
    {
        string path = Path.Combine(Path.GetTempPath(), $"vrdma-{Guid.NewGuid():n}.pcapng");
        try
        {
            List<(Opcode Opcode, bool IsIPv6)> written = WriteEveryOpcode(path);
            var result = Run(
                "-r", path, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-T", "fields", "-E", "separator=|",
                "-e", "frame.time_epoch", "-e", "udp.dstport", "-e", "infiniband.bth.opcode", "-e", "infiniband.bth.psn",
                "-e", "udp.checksum.status", "-e", "ip.checksum.status", "-e", "_ws.malformed");
            if (result is not { } run)
            {
                Assert.Skip("tshark is not installed");
                return;
            }

            Assert.True(run.ExitCode == 0, run.Errors);
            Assert.DoesNotContain("error", run.Errors.Replace("Running as user \"root\" and group \"root\". This could be dangerous.", ""),
                StringComparison.OrdinalIgnoreCase);
            string[] lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(written.Count, lines.Length);
            for (int i = 0; i < lines.Length; i++)
            {
                string[] fields = lines[i].Split('|');
                Assert.StartsWith("1700000000.", fields[0]);
                Assert.Equal(i + 1, int.Parse(fields[0].Split('.')[1]));
                Assert.Equal("4791", fields[1]);
                Assert.Equal((byte)written[i].Opcode, ParseNumber(fields[2]));
                Assert.Equal(i, ParseNumber(fields[3]));
                Assert.Equal("1", fields[4]);
                Assert.Equal(written[i].IsIPv6 ? "" : "1", fields[5]);
                Assert.Equal("", fields[6]);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static int ParseNumber(string text) =>
        text.StartsWith("0x", StringComparison.Ordinal) ? Convert.ToInt32(text, 16) : int.Parse(text);
}
