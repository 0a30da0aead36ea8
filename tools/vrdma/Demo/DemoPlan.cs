namespace RoceEngine.Vrdma.Demo;

/// <summary>A row of the demo: an operation with a message size, as a pass for the latency and one or more for the bandwidth.</summary>
internal readonly record struct DemoStep(DemoOperation Operation, int Bytes)
{
    private const int AtomicBytes = 8;
    private const int WindowMessages = 16;

    private static readonly int[] SizesBytes = [8, 4 << 10, 64 << 10, 1 << 20];

    /// <summary>All steps, in the order in which they run.</summary>
    public static IReadOnlyList<DemoStep> All { get; } =
    [
        .. from operation in Enum.GetValues<DemoOperation>()
           from bytes in Operations.IsAtomic(operation) ? [AtomicBytes] : SizesBytes
           select new DemoStep(operation, bytes),
    ];

    /// <summary>Messages of a pass: as many as have a slot of their own in the guests' memory.</summary>
    public int Messages => Bytes switch
    {
        <= 4 << 10 => 256,
        <= 64 << 10 => 128,
        _ => 8,
    };

    /// <summary>Bandwidth passes: more of them where a pass is short.</summary>
    public int BandwidthPasses => Bytes > 64 << 10 ? 7 : 5;

    /// <summary>One message at a time.</summary>
    public Pass LatencyPass(ulong seed) => NewPass(seed, window: 1);

    /// <summary>Many outstanding.</summary>
    public Pass BandwidthPass(ulong seed) => NewPass(seed, WindowMessages);

    private Pass NewPass(ulong seed, int window) =>
        new() { Operation = Operation, Bytes = Bytes, Messages = Messages, Window = window, Seed = seed };
}
