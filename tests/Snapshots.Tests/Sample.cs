namespace RoceEngine.Snapshots.Tests;

/// <summary>Devices to take snapshots of, drawn from a seed.</summary>
internal sealed unsafe class Sample
{
    public const int PageBytes = 4096;

    public required byte[] Ram { get; init; }

    public required byte[] State { get; init; }

    public required byte[] Control { get; init; }

    public SnapshotManifest Manifest => Describe(State.Length, Control.Length, Ram.Length) with { UsedRamBytes = Ram.Length };

    public static SnapshotManifest Describe(long stateBytes, long controlBytes, long ramBytes) => new()
    {
        Product = "vRDMA 0.1.0",
        TakenAt = new DateTimeOffset(2025, 3, 4, 5, 6, 7, TimeSpan.Zero),
        HostName = "host-a",
        Device = "vrdma0",
        Address = "192.0.2.1",
        Identity = new Guid("11111111-2222-3333-4444-555555555555"),
        SnapshotId = new Guid("aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"),
        Epoch = 7,
        IsSuspended = true,
        GuestRamBytes = ramBytes,
        UsedRamBytes = 0,
        ControlBytes = controlBytes,
        DeviceStateBytes = stateBytes,
        Objects = [new SnapshotObjectCount { Name = "mr", Count = 3 }],
        QueuePairs = [new SnapshotQueuePair { Number = 17, Type = "RC", State = "RTS", Destination = "192.0.2.2", DestinationNumber = 18 }],
    };

    /// <param name="seed">Of the bytes.</param>
    /// <param name="pages">What each page of RAM holds: 0 nothing, 1 noise, else repeated text.</param>
    /// <param name="stateBytes">Length of the state, half of it noise.</param>
    /// <param name="controlBytes">Length of the control region.</param>
    public static Sample Create(int seed, int[] pages, int stateBytes, int controlBytes)
    {
        var random = new Random(seed);
        var ram = new byte[pages.Length * PageBytes];
        for (int page = 0; page < pages.Length; page++)
            Fill(random, pages[page], ram.AsSpan(page * PageBytes, PageBytes));
        var state = new byte[stateBytes];
        random.NextBytes(state.AsSpan(stateBytes / 2));
        var control = new byte[controlBytes];
        Fill(random, 2, control);
        return new Sample { Ram = ram, State = state, Control = control };
    }

    /// <summary>A few kilobytes with each kind of section.</summary>
    public static Sample Small => Create(1, [0, 2, 0, 2, 2, 0, 1], stateBytes: 300, controlBytes: 200);

    public byte[] ToFile()
    {
        var stream = new MemoryStream();
        using (SnapshotFileWriter writer = SnapshotFileWriter.Create(stream))
            Write(writer);
        return stream.ToArray();
    }

    public void Write(SnapshotFileWriter writer)
    {
        WriteSections(writer);
        writer.Complete();
    }

    public void WriteSections(SnapshotFileWriter writer)
    {
        writer.WriteManifest(Manifest);
        writer.WriteDeviceState(State);
        writer.WriteControl(Control);
        fixed (byte* ram = Ram)
            writer.WriteRam(ram, Ram.Length);
    }

    public void AssertIsIn(SnapshotFileReader reader)
    {
        reader.Verify();
        Assert.Equal(State, reader.ReadDeviceState());
        Assert.Equal(Control, reader.ReadControl());
        var ram = new byte[Ram.Length];
        if (ram.Length > 0)
        {
            fixed (byte* into = ram)
                reader.ReadRam(into, ram.Length);
        }
        Assert.True(ram.AsSpan().SequenceEqual(Ram));
    }

    private static void Fill(Random random, int kind, Span<byte> bytes)
    {
        if (kind == 1)
            random.NextBytes(bytes);
        for (int i = 0; kind > 1 && i < bytes.Length; i++)
            bytes[i] = (byte)"a queue pair "[(i + kind) % 13];
    }
}
