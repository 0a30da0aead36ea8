using System.Globalization;
using System.Net;
using RoceEngine.Verbs;

namespace Migration.Tests;

/// <summary>
/// A guest process that is told what to do by lines on standard input: <c>connect ENDS</c>, <c>run</c>, <c>count</c>, <c>pause</c>,
/// <c>look away</c> (polls nothing until the next command), <c>outstanding</c>, <c>stop</c>, <c>finish COUNTS</c>, <c>readback COUNTS</c>. It answers each with one line, and ends with <c>bad REASON</c> as soon as anything is not as it should be.
/// One that goes on with a restored device first says that it has it, and hears <c>go on</c> or <c>broken</c>; one that looks at such a device does nothing else.
/// </summary>
internal static class GuestProgram
{
    public static int Run(string[] args)
    {
        try
        {
            if (args is ["restored", string socket, string device, string script, string peerScript])
                return Take(socket, device, Script.Named(script), Script.Named(peerScript));
            if (args is ["looks", string daemon, string wanted])
                return Look(daemon, wanted);
            using var traffic = new GuestTraffic(
                args[0],
                IPAddress.Parse(args[1]),
                args[2],
                int.Parse(args[3], CultureInfo.InvariantCulture),
                Script.Named(args[4]),
                Script.Named(args[5]),
                byte.Parse(args[6], CultureInfo.InvariantCulture));
            Say(traffic.Ends());
            return Serve(traffic);
        }
        catch (Exception e) when (e is VerbsException or InvalidDataException or DeviceLostException)
        {
            Say($"bad {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}");
            return 1;
        }
    }

    /// <summary>A process that goes on with a restored device: says that it has it, and begins when it is told to.</summary>
    private static int Take(string socket, string device, Script script, Script peerScript)
    {
        using var traffic = new GuestTraffic(socket, device, script, peerScript);
        Say("has it");
        string first = Console.In.ReadLine() ?? "";
        if (first == "broken")
        {
            Say(traffic.ExpectBroken());
            return 0;
        }
        Say(traffic.TakeUp());
        return Serve(traffic);
    }

    /// <summary>A process that gets a restored device and never says that it has it.</summary>
    private static int Look(string socket, string device)
    {
        using RoceEngine.Channel.DaemonConnection connection = RoceEngine.Channel.DaemonConnection.Open(socket);
        using RoceEngine.Channel.DeviceChannel channel = connection.AttachRestored(device);
        Say("looks");
        _ = Console.In.ReadLine();
        return 0;
    }

    private static int Serve(GuestTraffic traffic)
    {
        Task<string?> next = Task.Run(Console.In.ReadLine);
        bool looksAway = false;
        while (true)
        {
            if (looksAway || !traffic.Turn())
                Thread.Sleep(1);
            if (!next.IsCompleted)
                continue;
            if (next.Result is not { } line)
                return 0;
            string[] words = line.Split(' ', 2);
            looksAway = line == "look away";
            Say(words[0] switch
            {
                "look" => "looks away",
                "connect" => traffic.Connect(words[1]),
                "run" => traffic.Begin(),
                "count" => traffic.Completed.ToString(CultureInfo.InvariantCulture),
                "pause" => traffic.Pause(),
                "outstanding" => traffic.Outstanding.ToString(CultureInfo.InvariantCulture),
                "stop" => traffic.Stop(),
                "finish" => traffic.Finish(words[1]),
                "readback" => traffic.ReadBack(words[1]),
                _ => throw new InvalidDataException($"'{line}' is no command"),
            });
            next = Task.Run(Console.In.ReadLine);
        }
    }

    private static void Say(string line)
    {
        Console.Out.WriteLine(line);
        Console.Out.Flush();
    }
}
