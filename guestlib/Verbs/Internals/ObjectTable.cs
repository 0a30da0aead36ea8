namespace RoceEngine.Verbs.Internals;

/// <summary>Facts about handles.</summary>
internal static class ObjectHandles
{
    /// <summary>Handles from here on are not the device's: it numbers its objects densely.</summary>
    public const uint Max = 1 << 20;
}

/// <summary>Objects by their device handle. Finding takes no lock and allocates nothing; changes are serialised by the command lock.</summary>
internal sealed class ObjectTable<T>
    where T : class
{
    private T?[] _objects = new T?[16];

    /// <summary>The object with this handle; null for a handle that names none, whatever its value.</summary>
    public T? Find(ulong handle)
    {
        T?[] objects = Volatile.Read(ref _objects);
        return handle < (ulong)objects.Length ? Volatile.Read(ref objects[handle]) : null;
    }

    /// <summary>Puts an object in, or takes it out. Under the command lock.</summary>
    /// <exception cref="VerbsException">EIO: no device gives such a handle.</exception>
    public void Set(uint handle, T? value)
    {
        if (handle >= ObjectHandles.Max)
        {
            throw new VerbsException(Errno.InputOutput, $"the device gave the impossible handle {handle}");
        }

        T?[] objects = _objects;
        if (handle >= objects.Length)
        {
            Array.Resize(ref objects, (int)System.Numerics.BitOperations.RoundUpToPowerOf2(handle + 1));
        }

        Volatile.Write(ref objects[handle], value);
        Volatile.Write(ref _objects, objects);
    }

    /// <summary>All objects, as of now.</summary>
    public List<T> Snapshot() => [.. Volatile.Read(ref _objects).OfType<T>()];
}
