using RoceEngine.Verbs;
using RoceEngine.Vrdma.Commands;
using RoceEngine.Vrdma.Output;

namespace RoceEngine.Vrdma.Demo.Moving;

/// <summary>A streaming guest as a process: see <see cref="StreamLine"/>. It ends when standard input ends.</summary>
internal static class StreamProgram
{
    /// <summary>Runs to the end. Returns the process's exit code.</summary>
    public static int Run(AttachOptions options, bool isSender)
    {
        try
        {
            using StreamEnd end = isSender ? new StreamSender(options) : new StreamReceiver(options);
            Console.Out.WriteLine(StreamLine.WriteEnd("end", end.End));
            if (Console.In.ReadLine() is not { } connect)
                return ExitCode.Failure;
            end.Connect(StreamLine.ReadEnd(connect));
            end.Prepare();
            Console.Out.WriteLine("ready");
            if (Console.In.ReadLine() is null)
                return ExitCode.Failure;

            // Whatever comes next on standard input, its end included, is the end of the stream.
            Task stop = Task.Run(Console.In.ReadLine);
            StreamTotal total = end.Run(() => stop.IsCompleted);
            Console.Out.WriteLine(StreamLine.Write("done", total.Messages, total.Bytes, total.Atomics));
            return ExitCode.Success;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or DemoException)
        {
            Console.Out.WriteLine($"error {Readable.OneLine(failure.Message)}");
            return ExitCode.Failure;
        }
    }
}
