namespace RoceEngine.Simulation.Checking;

/// <summary>
/// A plain model of memory that one peer writes: what it must hold once everything posted so far has happened, in order. Bytes that a
/// request without a good end may or may not have written are not compared until they are written again.
/// </summary>
internal sealed class TargetModel
{
    private readonly byte[] _bytes;
    private readonly bool[] _isUnknown;
    private bool _hasUnknown;

    public TargetModel(int bytes)
    {
        _bytes = new byte[bytes];
        _isUnknown = new bool[bytes];
        _bytes.AsSpan().Fill(Pattern.Blank);
    }

    /// <summary>Bytes.</summary>
    public int Length => _bytes.Length;

    /// <summary>What a range must hold.</summary>
    public ReadOnlySpan<byte> Slice(int offset, int bytes) => _bytes.AsSpan(offset, bytes);

    /// <summary>A WRITE was posted.</summary>
    public void Write(int offset, ReadOnlySpan<byte> data)
    {
        data.CopyTo(_bytes.AsSpan(offset));
        if (_hasUnknown)
            _isUnknown.AsSpan(offset, data.Length).Clear();
    }

    /// <summary>A WRITE had no good end.</summary>
    public void Forget(int offset, int bytes)
    {
        _hasUnknown |= bytes > 0;
        _isUnknown.AsSpan(offset, bytes).Fill(true);
    }

    /// <summary>True when no byte of the range is unknown.</summary>
    public bool IsKnown(int offset, int bytes) => !_hasUnknown || !_isUnknown.AsSpan(offset, bytes).Contains(true);

    /// <summary>The first byte that differs from the model; -1 for none.</summary>
    public int FindDifference(ReadOnlySpan<byte> memory)
    {
        if (!_hasUnknown)
        {
            int common = memory.CommonPrefixLength(_bytes);
            return common == _bytes.Length ? -1 : common;
        }
        for (int i = 0; i < _bytes.Length; i++)
        {
            if (memory[i] != _bytes[i] && !_isUnknown[i])
                return i;
        }
        return -1;
    }
}
