using System.Globalization;
using RoceEngine.SideBySide.Engine;
using RoceEngine.Verbs;

namespace RoceEngine.SideBySide.Daemons;

/// <summary>Two guests that are processes, attached to daemons that are processes.</summary>
internal sealed class DaemonPair : IEnginePair
{
    private readonly DaemonWorld _world;

    public DaemonPair(DaemonWorld world, int messageBytesMax)
    {
        _world = world;
        Near = new Guest(
            RdmaContext.Attach(new AttachOptions { SocketPath = world.NearSocket, Address = world.NearAddress, MemoryBytes = Guest.MemoryBytes }), messageBytesMax);
        try
        {
            FarProcess.Tell(string.Create(
                CultureInfo.InvariantCulture,
                $"{FarGuestProgram.OpenWord} {world.FarSocket} {world.FarAddress} {messageBytesMax} {GuestAddressText.Format(Near.Address)}"));
            Far = GuestAddressText.Parse(FarProcess.Expect(FarGuestProgram.OpenWord).Split(' '));
            Near.Connect(Far);
        }
        catch
        {
            Near.Dispose();
            throw;
        }
    }

    public Guest Near { get; }

    public GuestAddress Far { get; }

    public int LooksPerPoll => FarGuestProgram.LooksPerPoll;

    public int SpinsBeforeYield => FarGuestProgram.SpinsBeforeYield;

    private ChildProcess FarProcess => _world.FarGuest!;

    public IFarEnd Begin(FarTask task, int messageBytes, byte seen = 0)
    {
        FarProcess.Tell(string.Create(CultureInfo.InvariantCulture, $"{FarGuestProgram.BeginWord} {task} {messageBytes} {seen}"));
        _ = FarProcess.Expect(FarGuestProgram.BeginWord);
        return new FarEnd(FarProcess);
    }

    public void Dispose()
    {
        Near.Dispose();
        if (FarProcess.HasFailed)
            return;
        FarProcess.Tell(FarGuestProgram.CloseWord);
        _ = FarProcess.Expect(FarGuestProgram.CloseWord);
    }

    /// <summary>While it is at work the caller's thread runs on any core.</summary>
    private sealed class FarEnd(ChildProcess process) : IFarEnd
    {
        private readonly Partner.Unpinning _unpinned = Partner.Unpin();

        public bool HasEnded => process.HasFailed;

        public long AllocatedBytes => 0;

        public void Dispose()
        {
            _unpinned.Dispose();
            process.Tell(FarGuestProgram.StopWord);
            _ = process.Expect(FarGuestProgram.StopWord);
        }
    }
}

/// <summary>A guest's address as words of a line.</summary>
internal static class GuestAddressText
{
    public static string Format(in GuestAddress address) =>
        string.Create(CultureInfo.InvariantCulture, $"{address.QueuePair} {address.Memory} {address.Key}");

    public static GuestAddress Parse(ReadOnlySpan<string> words) => new(
        QueuePairAddress.Parse(words[0]), ulong.Parse(words[1], CultureInfo.InvariantCulture), uint.Parse(words[2], CultureInfo.InvariantCulture));
}
