namespace Device.Tests;

/// <summary>Sees which pages of a guest's memory its device changes, by a copy before each of its calls.</summary>
internal sealed unsafe class ShadowMemory
{
    private const int PageBytes = 4096;

    private readonly TestGuest _guest;
    private readonly byte[] _before;

    public ShadowMemory(TestGuest guest)
    {
        _guest = guest;
        _before = new byte[guest.Memory.Bytes];
        guest.Around = Around;
    }

    /// <summary>The pages that the device changed.</summary>
    public SortedSet<int> Changed { get; } = [];

    private ReadOnlySpan<byte> Memory => new(_guest.Memory.Start, _before.Length);

    private void Around(Action call)
    {
        Memory.CopyTo(_before);
        call();
        for (int page = 0; page < _before.Length / PageBytes; page++)
        {
            if (!Memory.Slice(page * PageBytes, PageBytes).SequenceEqual(_before.AsSpan(page * PageBytes, PageBytes)))
            {
                Changed.Add(page);
            }
        }
    }
}
