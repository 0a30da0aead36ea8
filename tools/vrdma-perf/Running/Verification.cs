using System.Buffers.Binary;
using RoceEngine.PerfTool.Exchange;
using RoceEngine.PerfTool.Options;

namespace RoceEngine.PerfTool.Running;

/// <summary>Fills the buffers with what is recognised again, and compares when a size is over.</summary>
internal sealed class Verification(PerfOptions options, Endpoint endpoint)
{
    private const int SentMark = 0x5A;
    private const int ReceiveMark = 0xC3;

    /// <summary>Writes the pattern where messages come from and something else where they go; zero where atomics count.</summary>
    public void Prepare(int sizeBytes)
    {
        for (int pair = 0; pair < endpoint.Pairs.Length; pair++)
        {
            Span<byte> sent = endpoint.SendBuffer(pair, sizeBytes);
            Span<byte> received = endpoint.ReceiveBuffer(pair, sizeBytes);
            if (options.Test.Verb == PerfVerb.Atomic)
            {
                received.Clear();
                continue;
            }

            // READ fetches the peer's receive buffer into the send buffer; everything else goes the other way.
            bool read = options.Test.Verb == PerfVerb.Read;
            Fill(read ? received : sent, SentMark, sizeBytes, pair);
            (read ? sent : received).Fill(ReceiveMark);
        }
    }

    /// <summary>Compares what this side can see of a size that is over.</summary>
    /// <param name="sizeBytes">Bytes of a message.</param>
    /// <param name="own">Messages that this side sent, by queue pair; null when it sent none.</param>
    /// <param name="peer">Messages that the other side sent, by queue pair; null when it sent none.</param>
    /// <exception cref="PeerException">Something is not what it must be.</exception>
    public void Check(int sizeBytes, long[]? own, long[]? peer)
    {
        for (int pair = 0; pair < endpoint.Pairs.Length; pair++)
        {
            long incoming = peer?[pair] ?? 0;
            switch (options.Test.Verb)
            {
                case PerfVerb.Atomic when incoming > 0:
                    CheckCount(pair, incoming);
                    break;
                case PerfVerb.Read when own is not null && own[pair] > 0:
                    Compare(endpoint.SendBuffer(pair, sizeBytes), sizeBytes, pair, sizeBytes);
                    break;
                case PerfVerb.Write or PerfVerb.Send when incoming > 0:
                    CheckMessage(sizeBytes, pair, incoming);
                    break;
                default:
                    break;
            }
        }
    }

    /// <summary>Fetch-and-add adds 1 each time; compare-and-swap steps from one number to the next, and only if none is lost or doubled.</summary>
    private void CheckCount(int pair, long expected)
    {
        ulong found = BinaryPrimitives.ReadUInt64LittleEndian(endpoint.ReceiveBuffer(pair, PerfTest.AtomicBytes));
        if (found != (ulong)expected)
            throw new PeerException($"verification failed: queue pair {pair} counted {found} atomics instead of {expected}");
    }

    private void CheckMessage(int sizeBytes, int pair, long incoming)
    {
        ReadOnlySpan<byte> received = endpoint.ReceiveBuffer(pair, sizeBytes);
        bool numbered = options.Test is { Verb: PerfVerb.Write, IsLatency: true };
        Compare(received, sizeBytes, pair, numbered ? sizeBytes - 1 : sizeBytes);
        if (numbered && received[^1] != (byte)incoming)
            throw new PeerException($"verification failed: the last byte is {received[^1]} instead of {(byte)incoming}");
    }

    private static void Compare(ReadOnlySpan<byte> found, int sizeBytes, int pair, int comparedBytes)
    {
        byte[] expected = new byte[sizeBytes];
        Fill(expected, SentMark, sizeBytes, pair);
        int at = found[..comparedBytes].CommonPrefixLength(expected);
        if (at < comparedBytes)
            throw new PeerException($"verification failed: queue pair {pair}, {sizeBytes} bytes, byte {at} is {found[at]} instead of {expected[at]}");
    }

    /// <summary>A sequence that repeats nowhere near a packet's or page's length and differs by size and queue pair.</summary>
    private static void Fill(Span<byte> buffer, int mark, int sizeBytes, int pair)
    {
        uint state = (uint)((sizeBytes * 0x9E3779B1L) ^ (pair * 0x85EBCA6BL) ^ mark);
        for (int index = 0; index < buffer.Length; index++)
        {
            state = (state * 1664525) + 1013904223;
            buffer[index] = (byte)(state >> 24);
        }
    }
}
