using System.Buffers.Binary;
using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Checking;

/// <summary>
/// Words of a guest to which any peer adds by FETCH_ADD. The values that came back must form one chain from 0 to the final value, each
/// the one before plus what was added: then there is a sequence in which all happened once, one after the other.
/// </summary>
internal sealed class SharedCounters : IDisposable
{
    /// <summary>Words.</summary>
    public const int Count = 4;

    /// <summary>Largest addend: sums do not wrap.</summary>
    public const int AddendMax = 1000;

    private readonly GuestMemory _memory;
    private readonly List<(ulong Original, ulong Addend)>[] _added = new List<(ulong, ulong)>[Count];
    private readonly List<ulong>[] _uncertain = new List<ulong>[Count];

    public SharedCounters(RdmaContext context, ProtectionDomain domain)
    {
        _memory = context.AllocateMemory(Count * sizeof(ulong));
        Region = domain.RegisterMemory(_memory, 0, Count * sizeof(ulong), AccessFlags.LocalWrite | AccessFlags.RemoteAtomic);
        for (int i = 0; i < Count; i++)
        {
            _added[i] = [];
            _uncertain[i] = [];
        }
    }

    public MemoryRegion Region { get; }

    /// <summary>An addition succeeded and brought the value before.</summary>
    public void Added(int word, ulong original, ulong addend) => _added[word].Add((original, addend));

    /// <summary>An addition ended without an answer: it may have happened, or may yet happen, once.</summary>
    public void MayHaveAdded(int word, ulong addend) => _uncertain[word].Add(addend);

    public void Verify(string owner)
    {
        for (int word = 0; word < Count; word++)
            VerifyWord(owner, word);
    }

    public void Dispose()
    {
        Region.Dispose();
        _memory.Dispose();
    }

    private void VerifyWord(string owner, int word)
    {
        ulong expected = 0;
        List<ulong> uncertain = [.. _uncertain[word]];
        _added[word].Sort();
        foreach ((ulong original, ulong addend) in _added[word])
        {
            Bridge(owner, word, expected, original, uncertain);
            expected = original + addend;
        }
        Bridge(owner, word, expected, BinaryPrimitives.ReadUInt64LittleEndian(_memory.AsSpan(word * sizeof(ulong), sizeof(ulong))), uncertain);
    }

    private static void Bridge(string owner, int word, ulong from, ulong to, List<ulong> uncertain) => SimulationFailure.Unless(
        to == from || (to > from && TryTake(to - from, uncertain)),
        () => $"{owner}: counter {word} went from {from} to {to}, which no addition explains");

    /// <summary>Takes additions that may have happened and make up the gap together.</summary>
    private static bool TryTake(ulong gap, List<ulong> uncertain)
    {
        // What each sum was reached by: few additions end without an answer, and sums are small.
        var reachedBy = new Dictionary<ulong, (ulong Before, int Index)> { [0] = (0, -1) };
        for (int i = 0; i < uncertain.Count; i++)
        {
            foreach (ulong sum in reachedBy.Keys.ToArray())
            {
                if (sum + uncertain[i] <= gap)
                    reachedBy.TryAdd(sum + uncertain[i], (sum, i));
            }
        }
        if (!reachedBy.ContainsKey(gap))
            return false;
        var taken = new List<int>();
        for (ulong sum = gap; sum != 0; sum = reachedBy[sum].Before)
            taken.Add(reachedBy[sum].Index);
        foreach (int index in taken.OrderDescending())
            uncertain.RemoveAt(index);
        return true;
    }
}
