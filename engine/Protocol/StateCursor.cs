using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RoceEngine.Wire;

namespace RoceEngine.Protocol;

/// <summary>A state that was loaded is none that an object can be in; the message says which part.</summary>
public sealed class StateException(string message) : Exception(message);

/// <summary>
/// Walks through the state of objects, field by field: the same method of an object saves and loads it, so that the two cannot disagree.
/// Numbers are little-endian. Times are kept as distances from now, since another host has another clock.
/// </summary>
public sealed class StateCursor
{
    private readonly ArrayBufferWriter<byte>? _into;
    private readonly ReadOnlyMemory<byte> _from;
    private int _offset;

    private StateCursor(ArrayBufferWriter<byte>? into, ReadOnlyMemory<byte> from, long nowNs)
    {
        _into = into;
        _from = from;
        NowNs = nowNs;
    }

    /// <summary>True when fields are set from the state, false when the state is made from them.</summary>
    public bool IsLoading => _into is null;

    /// <summary>The present on this host's clock, ns.</summary>
    public long NowNs { get; }

    /// <summary>What was saved so far.</summary>
    public ReadOnlyMemory<byte> Saved => _into!.WrittenMemory;

    /// <summary>Bytes that were not loaded yet.</summary>
    public int RemainingBytes => _from.Length - _offset;

    /// <summary>A cursor that saves.</summary>
    public static StateCursor Save(long nowNs) => new(new ArrayBufferWriter<byte>(4096), default, nowNs);

    /// <summary>A cursor that loads.</summary>
    public static StateCursor Load(ReadOnlyMemory<byte> state, long nowNs) => new(null, state, nowNs);

    /// <summary>Bytes as they are.</summary>
    /// <exception cref="StateException">The state ends before them. So do all methods below.</exception>
    public void Bytes(Span<byte> bytes)
    {
        if (_into is not null)
        {
            _into.Write(bytes);
            return;
        }

        if (bytes.Length > RemainingBytes)
        {
            throw new StateException($"the device state ends {bytes.Length - RemainingBytes} bytes too early");
        }

        _from.Span.Slice(_offset, bytes.Length).CopyTo(bytes);
        _offset += bytes.Length;
    }

    /// <summary>A number, an enumeration, or a struct of these without gaps and without truth values.</summary>
    public void Value<T>(ref T value)
        where T : unmanaged => Bytes(MemoryMarshal.AsBytes(new Span<T>(ref value)));

    /// <summary>As <see cref="Value{T}(ref T)"/>, for what has no address: returns what it is from now on.</summary>
    public T Value<T>(T value)
        where T : unmanaged
    {
        Value(ref value);
        return value;
    }

    /// <summary>A truth value; anything but 0 is true.</summary>
    public void Flag(ref bool value) => value = Value(value ? (byte)1 : (byte)0) != 0;

    /// <summary>As <see cref="Flag(ref bool)"/>, for what has no address.</summary>
    public bool Flag(bool value) => Value(value ? (byte)1 : (byte)0) != 0;

    /// <summary>A PSN.</summary>
    public void Number(ref Psn psn) => psn = new Psn(Value(psn.Value));

    /// <summary>A time; 0 and the two ends of the range mean themselves.</summary>
    public void Time(ref long timeNs)
    {
        bool isTime = Flag(timeNs is not (0 or long.MaxValue or long.MinValue));
        long distanceNs = Value(isTime && !IsLoading ? timeNs - NowNs : timeNs);

        // A hostile state must not make a sum that wraps.
        timeNs = IsLoading && isTime ? NowNs + Math.Clamp(distanceNs, -DistanceMaxNs, DistanceMaxNs) : distanceNs;
    }

    /// <summary>How many follow, at most <paramref name="most"/>.</summary>
    public int Count(int count, int most)
    {
        int known = Value(count);
        Check(known >= 0 && known <= most, "a count is impossible");
        return known;
    }

    /// <summary>A mark between two parts: a state that is read with another's structure is noticed here.</summary>
    public void Mark(uint mark) => Check(Value(mark) == mark, $"part {mark:x8} is not where it should be");

    /// <summary>Asserts something of what was loaded.</summary>
    /// <exception cref="StateException">It does not hold.</exception>
    public void Check([System.Diagnostics.CodeAnalysis.DoesNotReturnIf(false)] bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new StateException($"the device state is damaged: {otherwise}");
        }
    }

    private const long DistanceMaxNs = 1L << 60;
}
