using RoceEngine.Abi;

namespace Device.Tests;

/// <summary>An MR as a driver holds it.</summary>
internal sealed unsafe class GuestRegion
{
    private readonly TestGuest _guest;
    private readonly ulong[] _pages;

    public GuestRegion(TestGuest guest, uint domain, int bytes, ulong start, PvrdmaAccess access)
    {
        _guest = guest;
        Start = start;
        Bytes = bytes;
        int offset = (int)(start & 4095);
        _pages = guest.Memory.AllocatePages((offset + bytes + 4095) / 4096);
        Request = new PvrdmaCreateMr
        {
            Start = start,
            Length = (ulong)bytes,
            DirectoryAddress = guest.Memory.Directory(_pages),
            PdHandle = domain,
            Access = (uint)access,
            PageCount = (uint)_pages.Length,
        };
    }

    public PvrdmaCreateMr Request { get; }

    public ulong Start { get; }

    public int Bytes { get; }

    public uint Handle { get; private set; }

    public uint Key { get; private set; }

    /// <summary>The byte at an offset.</summary>
    public byte* At(int offset)
    {
        int at = (int)(Start & 4095) + offset;
        return _guest.Memory.At(_pages[at / 4096]) + (at % 4096);
    }

    public PvrdmaCommandError Create()
    {
        PvrdmaCommandError error = _guest.Command(PvrdmaCommand.CreateMr, Request, out PvrdmaCreateMrResponse response);
        Handle = response.MrHandle;
        Key = response.LocalKey;
        return error;
    }

    public void Fill(int seed)
    {
        for (int i = 0; i < Bytes; i++)
        {
            *At(i) = (byte)((i * 31) + (i >> 8) + seed);
        }
    }

    public byte[] ToArray(int offset, int count) => [.. Enumerable.Range(offset, count).Select(i => *At(i))];

    public PvrdmaSge Sge(int offset, int bytes) => new() { Address = Start + (ulong)offset, Length = (uint)bytes, LocalKey = Key };
}
