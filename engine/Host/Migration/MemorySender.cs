using System.Buffers.Binary;
using System.Diagnostics;
using RoceEngine.Abi;
using RoceEngine.Channel;
using RoceEngine.HostStream;

namespace RoceEngine.Host.Migration;

/// <summary>Sends guest RAM in rounds: first all that was ever written, then what was written since.</summary>
internal sealed class MemorySender(HostConnection connection, ChannelMemory memory, Action<MigrationProgress> tell)
{
    private const int PagesPerFrame = 256;
    private static readonly TimeSpan TellEvery = TimeSpan.FromMilliseconds(100);

    private readonly byte[] _head = new byte[sizeof(long)];
    private readonly List<long> _rounds = [];
    private long _toldAt = Stopwatch.GetTimestamp();
    private long _bytesWhenTold;

    /// <summary>Bytes of RAM of each round.</summary>
    public IReadOnlyList<long> Rounds => _rounds;

    /// <summary>Everything that was ever written.</summary>
    public PageSet Used()
    {
        var used = new PageSet(memory.GuestRamBytes);
        used.AddUsed(memory.GuestRamDescriptor);
        return used;
    }

    /// <summary>Sends these pages as they are now.</summary>
    /// <param name="pages">Which.</param>
    /// <param name="cancellation">Ends the connection.</param>
    /// <param name="afterPiece">Done between two pieces of about a MiB.</param>
    public async Task SendRoundAsync(PageSet pages, CancellationToken cancellation, Func<Task>? afterPiece = null)
    {
        int piecePages = 0;
        long bytes = pages.Bytes;
        long sent = 0;
        foreach ((long first, int count) in pages.Runs(PagesPerFrame))
        {
            if (afterPiece is not null && piecePages >= PagesPerFrame)
            {
                piecePages = 0;
                await afterPiece().ConfigureAwait(false);
            }
            piecePages += count;
            BinaryPrimitives.WriteInt64LittleEndian(_head, first);
            await connection.SendAsync((ushort)MigrationFrame.Pages, _head, Content(first, count), cancellation).ConfigureAwait(false);
            sent += (long)count << PvrdmaPageDirectory.PageShift;
            Tell(sent, bytes);
        }
        _rounds.Add(bytes);
        await connection.SendAsync((ushort)MigrationFrame.RoundEnd, default, cancellation).ConfigureAwait(false);
    }

    private unsafe ReadOnlyMemory<byte> Content(long firstPage, int pages) =>
        new NativeBytes(memory.GuestRam + (firstPage << PvrdmaPageDirectory.PageShift), pages << PvrdmaPageDirectory.PageShift).Memory;

    private void Tell(long sent, long bytes)
    {
        TimeSpan since = Stopwatch.GetElapsedTime(_toldAt);
        if (since < TellEvery)
            return;
        tell(new MigrationProgress
        {
            Phase = "copy",
            Round = _rounds.Count + 1,
            BytesSent = connection.BytesSent,
            RoundBytes = bytes,
            RoundBytesSent = sent,
            BytesPerSecond = (connection.BytesSent - _bytesWhenTold) / since.TotalSeconds,
        });
        _toldAt = Stopwatch.GetTimestamp();
        _bytesWhenTold = connection.BytesSent;
    }
}
