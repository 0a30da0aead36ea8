using System.Globalization;
using RoceEngine.PerfTool.Options;

namespace RoceEngine.PerfTool.Exchange;

/// <summary>Who says what when: hello, endpoints, barrier, then for each size a barrier and a done from both sides.</summary>
internal static class PeerProtocol
{
    public const string Name = "vrdma-perf";

    /// <summary>Raised whenever a side of another version could misunderstand.</summary>
    public const int Version = 2;

    /// <summary>The first message of a side.</summary>
    public static PeerMessage Hello(PerfOptions options) => new()
    {
        Kind = PeerMessageKind.Hello,
        Protocol = Name,
        Version = Version,
        Parameters = Parameters(options),
    };

    /// <summary>Checks that the other side runs the same test.</summary>
    /// <exception cref="PeerException">It does not; the message names every difference.</exception>
    public static void RequireAgreement(PerfOptions options, PeerMessage hello)
    {
        if (hello.Protocol != Name || hello.Version != Version)
            throw new PeerException($"the other side speaks {hello.Protocol ?? "something else"} version {hello.Version}, this side {Name} version {Version}");

        Dictionary<string, string> own = Parameters(options);
        Dictionary<string, string> other = hello.Parameters ?? [];
        List<string> differences = [];
        foreach (string name in own.Keys.Union(other.Keys))
        {
            string here = own.GetValueOrDefault(name, "none");
            string there = other.GetValueOrDefault(name, "none");
            if (here != there)
                differences.Add($"{name} is {here} here and {there} there");
        }

        if (differences.Count > 0)
            throw new PeerException("the two sides differ: " + string.Join("; ", differences));
    }

    /// <summary>Waits for a message of one kind, running <paramref name="whileWaiting"/> over and over.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="kind">What must come next.</param>
    /// <param name="whileWaiting">Drives the device meanwhile; null when it drives itself.</param>
    /// <param name="checkHealth">Called now and then; throws when waiting is hopeless.</param>
    public static PeerMessage Expect(IPeerChannel channel, PeerMessageKind kind, Action? whileWaiting = null, Action? checkHealth = null)
    {
        while (true)
        {
            PeerMessage? message = channel.TryReceive(whileWaiting is null ? 100 : 0);
            if (message is not null)
                return Checked(message, kind);
            whileWaiting?.Invoke();
            checkHealth?.Invoke();
        }
    }

    /// <summary>The message, if it is what must come next.</summary>
    public static PeerMessage Checked(PeerMessage message, PeerMessageKind kind)
    {
        if (message.Kind == PeerMessageKind.Failure)
            throw new PeerException($"the other side failed: {message.Text}") { IsEcho = true };
        if (message.Kind != kind)
            throw new PeerException($"the other side is out of step: it said {message.Kind} instead of {kind}");
        if (kind == PeerMessageKind.Done && message.Sent is null)
            throw new PeerException("the other side did not say how much it sent");
        return message;
    }

    private static Dictionary<string, string> Parameters(PerfOptions options)
    {
        Dictionary<string, string> parameters = new()
        {
            ["test"] = options.Test.Name,
            ["size"] = options.AllSizes ? "all" : Text(options.SizeBytes),
            ["connection"] = options.Connection.ToString(),
            ["qp"] = Text(options.QueuePairs),
            ["bidirectional"] = options.Bidirectional ? "on" : "off",
            ["verify"] = options.Verify ? "on" : "off",
        };
        if (options.IsDuration)
            parameters["duration"] = options.DurationSeconds.ToString(CultureInfo.InvariantCulture);
        else
            parameters["iterations"] = Text(options.Iterations);
        if (options.Test.Verb == PerfVerb.Atomic)
            parameters["atomic_type"] = options.Atomic == AtomicKind.FetchAndAdd ? "FETCH_AND_ADD" : "CMP_AND_SWAP";
        return parameters;
    }

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
