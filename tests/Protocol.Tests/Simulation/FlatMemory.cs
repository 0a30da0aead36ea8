using RoceEngine.Protocol;
using RoceEngine.Wire;

namespace RoceEngine.Protocol.Tests.Simulation;

/// <summary>A guest's memory: virtual pages scattered over the backing store, so that ranges translate to several pieces.</summary>
internal sealed unsafe class FlatMemory
{
    public const int PageBytes = 4096;

    private readonly byte[] _backing;
    private readonly int[] _frames;
    private readonly Dictionary<uint, Region> _regions = [];
    private uint _nextKey = 0x100;

    public FlatMemory(int pages, Random? scatter = null)
    {
        _backing = GC.AllocateArray<byte>(pages * PageBytes, pinned: true);
        _frames = [.. Enumerable.Range(0, pages)];
        scatter?.Shuffle(_frames);
    }

    public ulong BaseAddress => 0x7F00_0000_0000;

    public int Bytes => _backing.Length;

    public long BytesWritten { get; set; }

    public uint Register(ulong address, ulong bytes, AccessFlags access)
    {
        uint key = _nextKey++;
        _regions[key] = new Region(address, bytes, access);
        return key;
    }

    public uint RegisterAll(AccessFlags access) => Register(BaseAddress, (ulong)Bytes, access);

    public bool Deregister(uint key) => _regions.Remove(key);

    public AccessVerdict Translate(uint key, ulong address, uint bytes, AccessFlags need, ref SegmentList into)
    {
        if (!_regions.TryGetValue(key, out Region region)
            || (region.Access & need) != need
            || address < region.Address
            || address - region.Address > region.Bytes
            || bytes > region.Bytes - (address - region.Address))
        {
            return AccessVerdict.Denied;
        }

        while (bytes > 0)
        {
            int piece = (int)Math.Min(bytes, PageBytes - (address & (PageBytes - 1)));
            if (!into.TryAdd(Locate(address), piece))
            {
                return AccessVerdict.TooManyPieces;
            }

            address += (uint)piece;
            bytes -= (uint)piece;
        }

        return AccessVerdict.Granted;
    }

    public bool HasRights(uint key, AccessFlags need) => _regions.TryGetValue(key, out Region region) && (region.Access & need) == need;

    public byte this[ulong address]
    {
        get => *Locate(address);
        set => *Locate(address) = value;
    }

    public ulong ReadWord(ulong address) => *(ulong*)Locate(address);

    public void WriteWord(ulong address, ulong value) => *(ulong*)Locate(address) = value;

    public void Fill(ulong address, int bytes, uint seed)
    {
        for (int i = 0; i < bytes; i++)
        {
            this[address + (uint)i] = Pattern(seed, i);
        }
    }

    public void Clear(ulong address, int bytes)
    {
        for (int i = 0; i < bytes; i++)
        {
            this[address + (uint)i] = 0;
        }
    }

    /// <summary>The index of the first byte that differs from the pattern, or -1.</summary>
    public int FindDifference(ulong address, int bytes, uint seed)
    {
        for (int i = 0; i < bytes; i++)
        {
            if (this[address + (uint)i] != Pattern(seed, i))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Byte i of a payload; never 0, so that untouched memory shows.</summary>
    public static byte Pattern(uint seed, int i)
    {
        uint mixed = (seed * 2654435761u) ^ ((uint)i * 40503u);
        return (byte)((mixed >> 11) | 1);
    }

    private byte* Locate(ulong address)
    {
        ulong offset = address - BaseAddress;
        int frame = _frames[offset / PageBytes];
        return (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref _backing[(frame * PageBytes) + (int)(offset % PageBytes)]);
    }

    private readonly record struct Region(ulong Address, ulong Bytes, AccessFlags Access);
}
