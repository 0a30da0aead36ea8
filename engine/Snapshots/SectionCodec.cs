using System.Buffers;
using System.IO.Compression;

namespace RoceEngine.Snapshots;

/// <summary>
/// Brotli at quality 0 with a window of 256 KiB. The device may stand still while its RAM is written, so writing speed decides; measured
/// on chunks of 1 MiB of text, code, integers and noise, page by page in turn, on one core, in MB/s:
/// <code>
///                     ratio   writing   reading   writing noise
/// Brotli 0, 256 KiB    0.62       406       204          11,700
/// Brotli 1, 256 KiB    0.60       253       212          11,600
/// zlib, fastest        0.64       199       412             111
/// </code>
/// </summary>
internal static class SectionCodec
{
    private const int Quality = 0;
    private const int WindowBits = 18;

    /// <summary>Compresses; false when the result does not fit, so a destination shorter than the content asks whether it helps.</summary>
    public static bool TryCompress(ReadOnlySpan<byte> content, Span<byte> stored, out int storedBytes) =>
        BrotliEncoder.TryCompress(content, stored, out storedBytes, Quality, WindowBits);

    /// <summary>Decompresses; false unless the stored bytes, all of them, yield exactly the content's length.</summary>
    public static bool TryDecompress(ReadOnlySpan<byte> stored, Span<byte> content)
    {
        using var decoder = new BrotliDecoder();
        OperationStatus status = decoder.Decompress(stored, content, out int consumed, out int written);
        return status == OperationStatus.Done && consumed == stored.Length && written == content.Length;
    }
}
