namespace RoceEngine.Protocol;

/// <content>The resources as part of a device's state.</content>
internal sealed partial class ReadAtomicResources
{
    /// <summary>Saves the resources, or loads them into a set that was just made; null stays null.</summary>
    public static void Transfer(StateCursor state, ref ReadAtomicResources? resources, int mtuShift)
    {
        if (!state.Flag(resources is not null))
        {
            return;
        }

        int depth = state.Count(resources?._depth ?? 0, byte.MaxValue);
        resources ??= new ReadAtomicResources(depth);
        resources.Transfer(state, mtuShift);
    }

    private void Transfer(StateCursor state, int mtuShift)
    {
        uint count = (uint)state.Count((int)_count, _depth);
        uint pending = (uint)state.Count((int)(_next - _pendingFrom), (int)count);
        for (uint i = 0; i < count; i++)
        {
            ref ReadAtomicResource each = ref state.IsLoading ? ref Add() : ref At(_next - _count + i);
            Transfer(state, ref each, mtuShift);
            state.Check(pending < count - i || each.IsPending || pending != count - i, "a resource to be answered is not marked so");
        }

        _pendingFrom = _next - pending;
        _partCount = state.Count(_partCount, PartsMax);
        for (int i = 0; i < _partCount; i++)
        {
            _parts ??= new ReadAtomicResource[PartsMax];
            Transfer(state, ref _parts[i], mtuShift);
        }
    }

    private static void Transfer(StateCursor state, ref ReadAtomicResource resource, int mtuShift)
    {
        state.Number(ref resource.FirstPsn);
        state.Value(ref resource.PacketCount);
        state.Value(ref resource.Kind);
        state.Flag(ref resource.IsPending);
        state.Flag(ref resource.WasAnswered);
        state.Value(ref resource.RemoteKey);
        state.Value(ref resource.Address);
        state.Value(ref resource.Bytes);
        state.Value(ref resource.MessageSequenceNumber);
        state.Value(ref resource.AnswerFrom);
        state.Value(ref resource.AnswerEnd);
        state.Value(ref resource.AnswerEndBytes);
        state.Value(ref resource.NextIndex);
        state.Value(ref resource.OriginalValue);
        state.Check(IsSound(resource, mtuShift), "an answer to be given is none that can be");
    }

    private static bool IsSound(in ReadAtomicResource resource, int mtuShift)
    {
        bool isInOrder = resource.AnswerFrom <= resource.NextIndex && resource.NextIndex <= resource.AnswerEnd
            && resource.AnswerEnd <= resource.PacketCount && (resource.NextIndex < resource.AnswerEnd || !resource.IsPending);
        if (resource.Kind != ReadAtomicKind.Read)
        {
            return resource.Kind <= ReadAtomicKind.AtomicWrite && isInOrder && resource.PacketCount == 1;
        }

        // Packets before the end are full; a part of no bytes takes one packet all the same.
        uint whole = resource.AnswerEndBytes >> mtuShift;
        uint begun = (uint)((resource.AnswerEndBytes + (1ul << mtuShift) - 1) >> mtuShift);
        return isInOrder && resource.Bytes <= 1u << 31 && resource.PacketCount <= 1u << 23 && resource.AnswerEndBytes <= resource.Bytes
            && (resource.AnswerEnd == begun || resource.AnswerEnd == whole + 1)
            && ((ulong)resource.NextIndex << mtuShift <= resource.AnswerEndBytes || resource.NextIndex == resource.AnswerEnd);
    }
}
