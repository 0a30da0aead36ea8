using System.Text;
using Microsoft.Win32.SafeHandles;

namespace RoceEngine.Vrdma.Output;

/// <summary>Standard output for much data. Unlike the console's stream it reports that its reader has gone.</summary>
internal static class StandardOutput
{
    private const int Descriptor = 1;
    private const int BrokenPipe = 32;
    private const int BufferBytes = 1 << 16;

    public static Stream OpenStream() =>
        new FileStream(new SafeFileHandle(Descriptor, ownsHandle: false), FileAccess.Write, bufferSize: 0);

    /// <summary>A writer of UTF-8 lines.</summary>
    /// <param name="isLive">True when each line shall appear at once.</param>
    public static StreamWriter OpenText(bool isLive) =>
        new(OpenStream(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), BufferBytes) { AutoFlush = isLive, NewLine = "\n" };

    /// <summary>Whether a failed write means that the reader of a pipe has gone, which ends a tool but is no failure.</summary>
    public static bool IsReaderGone(IOException failure) => failure.HResult == BrokenPipe;
}
