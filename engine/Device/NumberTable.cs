using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace RoceEngine.Device;

/// <summary>
/// Objects by a number that a CSPRNG gave them: keys and QPNs. Open addressing with linear probing; since the numbers are random their
/// low bits are the hash, and at most half of the places are taken, so a look-up reads one or two of them.
/// </summary>
internal sealed class NumberTable<T>
    where T : class
{
    /// <summary>Numbers that a CSPRNG gave never stand in a row of so many places: those that do were chosen, to make every look-up slow.</summary>
    private const int ProbesMax = 256;

    private readonly IRandomSource _random;
    private readonly uint _numberMask;
    private readonly uint _reservedBelow;
    private Place[] _places = new Place[16];

    /// <summary>Numbers of <paramref name="bits"/> bits, without all ones and without those below <paramref name="reservedBelow"/> (at least 1).</summary>
    public NumberTable(IRandomSource random, int bits, uint reservedBelow)
    {
        _random = random;
        _numberMask = bits == 32 ? uint.MaxValue : (1u << bits) - 1;
        _reservedBelow = Math.Max(reservedBelow, 1);
    }

    public int Count { get; private set; }

    /// <summary>The object of that number, or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T? Find(uint number)
    {
        Place[] places = _places;
        uint mask = (uint)places.Length - 1;
        for (uint i = number & mask; ; i = (i + 1) & mask)
        {
            ref Place place = ref places[i];
            if (place.Item is null || place.Number == number)
            {
                return place.Item;
            }
        }
    }

    /// <summary>Gives the object a number that nobody has and nobody can guess.</summary>
    public uint Add(T item)
    {
        if ((Count + 1) * 2 > _places.Length)
        {
            Grow();
        }

        uint number;
        do
        {
            Unsafe.SkipInit(out number);
            _random.Fill(MemoryMarshal.AsBytes(new Span<uint>(ref number)));
            number &= _numberMask;
        }
        while (number < _reservedBelow || number == _numberMask || Find(number) is not null);

        Insert(number, item);
        Count++;
        return number;
    }

    /// <summary>Gives the object the number that it had elsewhere; false when the number is none, or taken, or one of many that were chosen to collide.</summary>
    public bool TryPut(uint number, T item) => number >= _reservedBelow && TryInsert(number, item);

    /// <summary>Gives the object a number that is kept for what it is; false when it is taken.</summary>
    public bool TryPutReserved(uint number, T item) => number < _reservedBelow && TryInsert(number, item);

    private bool TryInsert(uint number, T item)
    {
        if ((Count + 1) * 2 > _places.Length)
        {
            Grow();
        }

        if (number >= _numberMask || !IsFree(number))
        {
            return false;
        }

        Insert(number, item);
        Count++;
        return true;
    }

    private bool IsFree(uint number)
    {
        uint mask = (uint)_places.Length - 1;
        for (uint i = 0; i < ProbesMax; i++)
        {
            ref Place place = ref _places[(number + i) & mask];
            if (place.Item is null)
            {
                return true;
            }

            if (place.Number == number)
            {
                return false;
            }
        }

        return false;
    }

    /// <summary>Takes a number away. Later places move up, so that no probe meets a hole.</summary>
    public void Remove(uint number)
    {
        uint mask = (uint)_places.Length - 1;
        uint hole = number & mask;
        while (_places[hole].Number != number || _places[hole].Item is null)
        {
            if (_places[hole].Item is null)
            {
                throw new InvalidOperationException($"number {number} names nothing");
            }

            hole = (hole + 1) & mask;
        }

        for (uint i = (hole + 1) & mask; _places[i].Item is not null; i = (i + 1) & mask)
        {
            // An entry may move to the hole when its own start does not lie between the hole and its place.
            if (((i - (_places[i].Number & mask)) & mask) >= ((i - hole) & mask))
            {
                _places[hole] = _places[i];
                hole = i;
            }
        }

        _places[hole] = default;
        Count--;
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        _places = new Place[16];
        Count = 0;
    }

    private void Insert(uint number, T item)
    {
        uint mask = (uint)_places.Length - 1;
        uint i = number & mask;
        while (_places[i].Item is not null)
        {
            i = (i + 1) & mask;
        }

        _places[i] = new Place { Number = number, Item = item };
    }

    private void Grow()
    {
        Place[] old = _places;
        _places = new Place[old.Length * 2];
        foreach (ref Place place in old.AsSpan())
        {
            if (place.Item is { } item)
            {
                Insert(place.Number, item);
            }
        }
    }

    private struct Place
    {
        public uint Number;
        public T? Item;
    }
}
