using System.Text.Json;
using RoceEngine.Verbs;
using RoceEngine.Vrdma.Commands;
using RoceEngine.Vrdma.Output;

namespace RoceEngine.Vrdma.Demo;

/// <summary>
/// The guest process of the demo: attaches to a daemon and does what the lines on standard input ask, a reply per line. It ends when
/// standard input ends, so that it never outlives its parent, and when its device is lost.
/// </summary>
internal static class GuestProgram
{
    /// <summary>How long the daemon gets to end before an abandoned directory is removed.</summary>
    private static readonly TimeSpan AbandonedPatience = TimeSpan.FromSeconds(2);

    /// <summary>Runs until asked to quit. Returns the process's exit code.</summary>
    /// <param name="options">Which daemon and device.</param>
    /// <param name="abandonedDirectory">The parent's directory, to remove when the parent ends without asking the guest to quit.</param>
    public static async Task<int> RunAsync(AttachOptions options, string? abandonedDirectory)
    {
        GuestSession session;
        try
        {
            session = new GuestSession(options);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return Fail(failure.Message);
        }

        Reply(new GuestReply { Device = session.DeviceName });
        using StreamReader input = new(Console.OpenStandardInput());
        Task lost = session.WaitLostAsync(CancellationToken.None);
        while (true)
        {
            // The read blocks its thread whatever it is called with, so it gets one of its own.
            Task<string?> line = Task.Run(input.ReadLine);
            if (await Task.WhenAny(line, lost) == lost)
                return Fail($"device {session.DeviceName} is lost: its daemon is gone");

            if (line.Result is not { } text)
            {
                await RemoveAbandonedAsync(abandonedDirectory, lost);
                session.Dispose();
                return ExitCode.Failure;
            }

            GuestRequest request = JsonSerializer.Deserialize(text, DemoJson.Default.GuestRequest)!;
            if (request.Verb == GuestVerb.Quit)
            {
                session.Dispose();
                Reply(new GuestReply());
                return ExitCode.Success;
            }

            try
            {
                Reply(Handle(session, request));
            }
            catch (Exception failure) when (failure is DemoException or IOException)
            {
                Reply(new GuestReply { Error = failure.Message });
                return Fail(failure.Message);
            }
        }
    }

    private static GuestReply Handle(GuestSession session, GuestRequest request)
    {
        switch (request.Verb)
        {
            case GuestVerb.Open:
                return new GuestReply { Device = session.DeviceName, End = session.Open() };
            case GuestVerb.Connect:
                session.Connect(request.Peer!);
                break;
            case GuestVerb.Prepare:
                Operations.Prepare(session, request.Pass!, request.IsRequester);
                break;
            case GuestVerb.Run:
                return Operations.Run(session, request.Pass!);
            case GuestVerb.Check:
                Operations.Check(session, request.Pass!, request.IsRequester);
                break;
        }

        return new GuestReply();
    }

    private static void Reply(GuestReply reply) => Console.Out.WriteLine(JsonSerializer.Serialize(reply, DemoJson.Default.GuestReply));

    private static int Fail(string message)
    {
        Console.Error.WriteLine($"vrdma guest: {Readable.OneLine(message)}");
        return ExitCode.Failure;
    }

    private static async Task RemoveAbandonedAsync(string? directory, Task lost)
    {
        if (directory is null)
            return;
        await Task.WhenAny(lost, Task.Delay(AbandonedPatience));
        try
        {
            Directory.Delete(directory, recursive: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Another guest of the same parent was faster, or the daemon still holds it; there is nobody left to tell.
        }
    }
}
