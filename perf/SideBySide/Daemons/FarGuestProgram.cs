using System.Globalization;
using System.Net;
using RoceEngine.SideBySide.Engine;
using RoceEngine.Verbs;

namespace RoceEngine.SideBySide.Daemons;

/// <summary>The far guest as a process: told by lines on standard input what to open and what to do, until that ends.</summary>
internal sealed class FarGuestProgram
{
    public const string CommandName = "far-guest";
    public const string ReadyWord = "ready";
    public const string OpenWord = "open";
    public const string BeginWord = "begin";
    public const string StopWord = "stop";
    public const string CloseWord = "close";

    /// <summary>Looks at memory between two polls of the completion queue, which cost about as much as all of these together.</summary>
    public const int LooksPerPoll = 20;

    /// <summary>Never of their own: the guest library's polls let others run.</summary>
    public const int SpinsBeforeYield = int.MaxValue;

    private Guest? _guest;
    private GuestAddress _near;
    private Thread? _work;
    private volatile bool _stopping;

    public static int Run()
    {
        var program = new FarGuestProgram();
        Console.WriteLine(ReadyWord);
        try
        {
            while (Console.ReadLine() is { } line)
                Console.WriteLine(program.Obey(line.Split(' ')));
            program.Stop();
            program._guest?.Dispose();
            return 0;
        }
        catch (Exception failure) when (failure is VerbsException or InvalidOperationException)
        {
            Console.WriteLine($"failed {failure.Message.ReplaceLineEndings(" ")}");
            return 1;
        }
    }

    private string Obey(string[] words)
    {
        switch (words[0])
        {
            case OpenWord:
                _guest = new Guest(DaemonDevice.Attach(words[1], IPAddress.Parse(words[2])), Number(words[3]));
                _near = GuestAddressText.Parse(words.AsSpan(4));
                _guest.Connect(_near);
                return $"{OpenWord} {GuestAddressText.Format(_guest.Address)}";
            case BeginWord:
                Begin(Enum.Parse<FarTask>(words[1]), Number(words[2]), (byte)Number(words[3]));
                return BeginWord;
            case StopWord:
                Stop();
                return StopWord;
            default:
                Stop();
                _guest?.Dispose();
                _guest = null;
                return CloseWord;
        }
    }

    private static int Number(string word) => int.Parse(word, CultureInfo.InvariantCulture);

    private void Begin(FarTask task, int messageBytes, byte seen)
    {
        _stopping = false;
        var loops = new FarLoops(_guest!, _near, LooksPerPoll, SpinsBeforeYield, drives: false);
        _work = new Thread(() =>
        {
            try
            {
                loops.Run(task, messageBytes, seen, () => _stopping);
            }
            catch (Exception failure) when (failure is VerbsException or InvalidOperationException)
            {
                Console.WriteLine($"failed {failure.Message.ReplaceLineEndings(" ")}");
            }
        })
        { IsBackground = true, Name = "far guest" };
        _work.Start();
    }

    private void Stop()
    {
        _stopping = true;
        _work?.Join();
        _work = null;
    }
}
