using System.IO.Pipes;
using RoceEngine.Capture;

namespace RoceEngine.Vrdma.Output;

/// <summary>
/// A stream that takes a growing pcapng file and prints each packet of it as a line at once. Writing fails when the reader of
/// standard output has gone.
/// </summary>
internal sealed class PacketPrinter : Stream
{
    private readonly AnonymousPipeServerStream _pipe = new(PipeDirection.Out);
    private readonly Thread _thread;

    public PacketPrinter()
    {
        _thread = new Thread(Print) { IsBackground = true, Name = "packet printer" };
        _thread.Start();
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(byte[] buffer, int offset, int count) => _pipe.Write(buffer, offset, count);

    public override void Write(ReadOnlySpan<byte> buffer) => _pipe.Write(buffer);

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _pipe.Dispose();
            _thread.Join();
        }

        base.Dispose(disposing);
    }

    private void Print()
    {
        using AnonymousPipeClientStream input = new(PipeDirection.In, _pipe.ClientSafePipeHandle);
        try
        {
            using StreamWriter output = StandardOutput.OpenText(isLive: true);
            CaptureDump.Write(input, output, asJson: false);
        }
        catch (Exception failure) when (failure is IOException or CaptureFormatException)
        {
            // Closing the pipe tells the writer; a file that was cut off ends with the daemon, which the capture reports.
        }
    }
}
