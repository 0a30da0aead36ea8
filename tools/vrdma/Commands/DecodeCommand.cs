using System.CommandLine;
using RoceEngine.Capture;
using RoceEngine.Vrdma.Output;

namespace RoceEngine.Vrdma.Commands;

/// <summary><c>vrdma decode</c>: a line per RoCEv2 packet of a pcap or pcapng file, with both ICRC verdicts.</summary>
internal static class DecodeCommand
{
    private const string StandardInput = "-";
    private const int FileBufferBytes = 1 << 16;

    public static Command Create()
    {
        Argument<string> file = new("FILE")
        {
            Description = "A pcap or pcapng file; - for standard input.",
            CustomParser = CommonOptions.Word!,
        };
        Option<bool> json = CommonOptions.Json("Print one JSON object per line and packet.");
        Command command = new("decode", "Prints the RoCEv2 packets of a pcap or pcapng file.") { file, json };
        command.SetAction(parsed => Run(parsed.GetRequiredValue(file), parsed.GetValue(json)));
        return command;
    }

    private static int Run(string file, bool asJson)
    {
        using Stream capture = OpenInput(file);
        StreamWriter output = StandardOutput.OpenText(isLive: file == StandardInput);
        try
        {
            try
            {
                CaptureDump.Write(capture, output, asJson);
            }
            finally
            {
                // What came before a failure is worth seeing.
                output.Flush();
            }

            return ExitCode.Success;
        }
        catch (IOException failure) when (StandardOutput.IsReaderGone(failure))
        {
            return ExitCode.Success;
        }
        catch (CaptureFormatException failure)
        {
            throw new CommandException($"decode: '{file}': {failure.Message}", inner: failure);
        }
        catch (IOException failure)
        {
            throw new CommandException($"decode: '{file}' cannot be read: {failure.Message}", inner: failure);
        }
    }

    private static Stream OpenInput(string file)
    {
        if (file == StandardInput)
            return Console.OpenStandardInput();
        try
        {
            return new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, FileBufferBytes);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandException($"decode: '{file}' cannot be opened: {failure.Message}", ExitCode.Usage, failure);
        }
    }
}
