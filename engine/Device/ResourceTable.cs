using RoceEngine.Protocol;

namespace RoceEngine.Device;

/// <summary>
/// Objects by handle. Handles are small numbers from 1 up, because the guest's driver indexes tables with them; the one freed longest ago is given
/// out next, so that a stale handle rarely names another object.
/// </summary>
internal sealed class ResourceTable<T>
    where T : class
{
    private readonly int _limit;
    private readonly Queue<uint> _free = new();
    private T?[] _objects;
    private uint _unused = 1;

    /// <summary>A table of handles 1 … <paramref name="limit"/> - 1.</summary>
    public ResourceTable(int limit)
    {
        _limit = limit;
        _objects = new T?[Math.Min(limit, 64)];
    }

    public int Count { get; private set; }

    /// <summary>The object, or null for a handle that names none.</summary>
    public T? this[uint handle] => handle < (uint)_objects.Length ? _objects[handle] : null;

    /// <summary>Reserves a handle and puts the object there; false when the table is full.</summary>
    public bool TryAdd(T item, out uint handle)
    {
        // Fresh handles first: reuse begins when all have been given out once.
        if (_unused < (uint)_limit)
        {
            handle = _unused++;
            if (handle >= (uint)_objects.Length)
            {
                Array.Resize(ref _objects, Math.Min(_limit, _objects.Length * 2));
            }
        }
        else if (!_free.TryDequeue(out handle))
        {
            return false;
        }

        _objects[handle] = item;
        Count++;
        return true;
    }

    /// <summary>Frees a handle that names an object.</summary>
    public void Remove(uint handle)
    {
        if (this[handle] is null)
        {
            throw new InvalidOperationException($"handle {handle} names nothing");
        }

        _objects[handle] = null;
        _free.Enqueue(handle);
        Count--;
    }

    /// <summary>The objects in order of their handles.</summary>
    public IEnumerable<T> All()
    {
        for (int i = 1; i < _objects.Length; i++)
        {
            if (_objects[i] is { } item)
            {
                yield return item;
            }
        }
    }

    /// <summary>The object with the lowest handle that is not below this one; null when there is none.</summary>
    public T? NextFrom(uint handle)
    {
        for (uint i = Math.Max(handle, 1); i < (uint)_objects.Length; i++)
        {
            if (_objects[i] is { } item)
            {
                return item;
            }
        }

        return null;
    }

    /// <summary>
    /// The handles as part of a device's state: which are given out, and in which order the others will be. When loading,
    /// <paramref name="make"/> gives the object of each handle that names one; when saving, <paramref name="save"/> gets it.
    /// </summary>
    public void Transfer(StateCursor state, Func<uint, T> make, Action<T>? save = null)
    {
        _unused = (uint)state.Count((int)_unused, _limit);
        state.Check(_unused >= 1, "handle 0 names nobody");
        uint[] used = [.. Enumerable.Range(0, _objects.Length).Where(handle => _objects[handle] is not null).Select(handle => (uint)handle)];
        int count = state.Count(used.Length, (int)_unused);
        for (int i = 0; i < count; i++)
        {
            uint handle = state.Value(i < used.Length ? used[i] : 0);
            if (state.IsLoading)
            {
                state.Check(handle >= 1 && handle < _unused && this[handle] is null, "a handle is given out twice, or was never");
                Put(handle, make(handle));
            }
            else
            {
                save?.Invoke(_objects[handle]!);
            }
        }

        uint[] free = [.. _free];
        int freeCount = state.Count(free.Length, (int)_unused);
        for (int i = 0; i < freeCount; i++)
        {
            uint handle = state.Value(i < free.Length ? free[i] : 0);
            if (state.IsLoading)
            {
                state.Check(handle >= 1 && handle < _unused && this[handle] is null, "a free handle is in use");
                _free.Enqueue(handle);
            }
        }
    }

    private void Put(uint handle, T item)
    {
        if (handle >= (uint)_objects.Length)
        {
            Array.Resize(ref _objects, (int)Math.Min(_limit, Math.Max(_objects.Length * 2L, handle + 1L)));
        }

        _objects[handle] = item;
        Count++;
    }

    /// <summary>Forgets all objects; handles start from 1 again.</summary>
    public void Clear()
    {
        Array.Clear(_objects);
        _free.Clear();
        _unused = 1;
        Count = 0;
    }
}
