using System.Globalization;
using System.Net;
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
        Near = new Guest(DaemonDevice.Attach(world.NearSocket, world.NearAddress), messageBytesMax);
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

/// <summary>Devices of a daemon.</summary>
internal static class DaemonDevice
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);
    private const int AttemptsMax = 500;

    /// <summary>Takes the device at an address. A daemon frees one a moment after the guest before has left: until then it is asked again.</summary>
    public static RdmaContext Attach(string socketPath, IPAddress address)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return RdmaContext.Attach(new AttachOptions { SocketPath = socketPath, Address = address, MemoryBytes = Guest.MemoryBytes });
            }
            catch (VerbsException refusal) when (refusal.Message.Contains("in use", StringComparison.Ordinal) && attempt < AttemptsMax)
            {
                Thread.Sleep(s_pause);
            }
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
