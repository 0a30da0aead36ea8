namespace RoceEngine.HostStream;

/// <summary>What two hosts agreed on, and what the other said about itself.</summary>
internal readonly record struct Agreement(ushort Version, string PeerProductVersion);

/// <summary>Finds the version that both hosts speak. Either side may refuse the other, with a reason, before that.</summary>
internal static class VersionHandshake
{
    /// <summary>Refusal of whatever is not a host.</summary>
    public const string NoGreeting = "what it sent is no greeting of a vRDMA host";

    /// <summary>The calling side: says what it speaks and hears what was chosen.</summary>
    public static async ValueTask<Agreement> GreetAsync(
        Stream stream, HostStreamOptions options, string remote, CancellationToken cancellation)
    {
        var hello = new HandshakeMessage(options.HighestVersion, options.LowestVersion, options.ProductVersion);
        await hello.WriteAsync(stream, cancellation).ConfigureAwait(false);
        HandshakeMessage answer = await HandshakeMessage.ReadAsync(stream, remote, cancellation).ConfigureAwait(false)
            ?? throw new HostStreamException(HostStreamFault.Refused, $"what {remote} sent is no greeting of a vRDMA host");
        if (answer.IsRefusal)
            throw RefusedByPeer(answer, remote);
        if (answer.First < options.LowestVersion || answer.First > options.HighestVersion)
        {
            throw new HostStreamException(HostStreamFault.Refused,
                $"the host at {remote} chose version {answer.First}, which this host did not offer");
        }
        return new Agreement(answer.First, answer.Text);
    }

    /// <summary>The called side: hears what the caller speaks and chooses. Who calls this sends the refusal that it may throw.</summary>
    public static async ValueTask<Agreement> AnswerAsync(
        Stream stream, HostStreamOptions options, string remote, CancellationToken cancellation)
    {
        HandshakeMessage hello = await HandshakeMessage.ReadAsync(stream, remote, cancellation).ConfigureAwait(false)
            ?? throw new RefusalException(remote, NoGreeting);
        if (hello.IsRefusal)
            throw RefusedByPeer(hello, remote);
        ushort chosen = Math.Min(hello.First, options.HighestVersion);
        if (chosen < Math.Max(hello.Second, options.LowestVersion))
        {
            throw new RefusalException(remote,
                $"this host speaks versions {options.LowestVersion} to {options.HighestVersion}, "
                + $"the other {hello.Second} to {hello.First}");
        }
        await new HandshakeMessage(chosen, 0, options.ProductVersion).WriteAsync(stream, cancellation).ConfigureAwait(false);
        return new Agreement(chosen, hello.Text);
    }

    private static HostStreamException RefusedByPeer(HandshakeMessage refusal, string remote) =>
        new(HostStreamFault.Refused, $"the host at {remote} refused this one, it says: {refusal.Text}");
}

/// <summary>This host refuses the other and will tell it why. Never leaves the library.</summary>
internal sealed class RefusalException(string remote, string reason) : Exception(reason)
{
    public HostStreamException ForCaller() => new(HostStreamFault.Refused, $"refused {remote}: {Message}");
}
