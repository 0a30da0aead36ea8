namespace RoceEngine.Protocol;

/// <summary>Parts of a state that several queue pairs have.</summary>
internal static class SharedState
{
    /// <summary>The attributes of a QP.</summary>
    public static void Transfer(StateCursor state, ref QueuePairAttributes attributes)
    {
        state.Value(ref attributes.State);
        state.Value(ref attributes.CurrentState);
        state.Value(ref attributes.PathMtuBytes);
        state.Value(ref attributes.QueueKey);
        state.Number(ref attributes.ReceivePsn);
        state.Number(ref attributes.SendPsn);
        state.Value(ref attributes.DestinationQpn);
        state.Value(ref attributes.Access);
        state.Flag(ref attributes.EnableDrainedNotify);
        state.Value(ref attributes.MaxRdAtomic);
        state.Value(ref attributes.MaxDestinationRdAtomic);
        state.Value(ref attributes.MinRnrTimer);
        state.Value(ref attributes.Timeout);
        state.Value(ref attributes.RetryCount);
        state.Value(ref attributes.RnrRetry);
        state.Value(ref attributes.PartitionKeyIndex);
        state.Value(ref attributes.Port);
        state.Value(ref attributes.DestinationGid);
        state.Value(ref attributes.SourceGidIndex);
        state.Value(ref attributes.TrafficClass);
        state.Value(ref attributes.HopLimit);
        state.Check(
            attributes.MinRnrTimer <= 31 && attributes.Timeout <= 31 && attributes.RetryCount <= 7 && attributes.RnrRetry <= 7
                && attributes.DestinationQpn < Wire.Psn.Modulus
                && (attributes.PathMtuBytes == 0 || QueuePairAttributeRules.IsPathMtu(attributes.PathMtuBytes)),
            "an attribute of a queue pair has an impossible value");
    }

    /// <summary>A send work request on its way.</summary>
    public static void Transfer(StateCursor state, ref SendWorkRequest request)
    {
        state.Value(ref request.WorkRequestId);
        state.Value(ref request.Opcode);
        state.Value(ref request.Flags);
        state.Value(ref request.SgeCount);
        state.Value(ref request.ImmediateOrKey);
        state.Value(ref request.TotalBytes);
        state.Value(ref request.RemoteKey);
        state.Value(ref request.RemoteAddress);
        state.Value(ref request.CompareOrAdd);
        state.Value(ref request.Swap);
        state.Value(ref request.CompareMaskOrBoundary);
        state.Value(ref request.SwapMask);
        state.Value(ref request.FlushBytes);
        state.Value(ref request.FlushOptions);
        state.Value(ref request.Datagram.Gid);
        state.Value(ref request.Datagram.Qpn);
        state.Value(ref request.Datagram.QueueKey);
        state.Value(ref request.Datagram.TrafficClass);
        state.Value(ref request.Datagram.HopLimit);
        state.Value(ref request.Datagram.SourceGidIndex);
        state.Value(ref request.Sges);
        bool isInline = (request.Flags & SendFlags.Inline) != 0;
        state.Check(
            request.SgeCount <= ScatterGatherList.Capacity
                && request.TotalBytes <= (isInline ? ScatterGatherList.InlineCapacityBytes : 1u << 31),
            "a work request has more data than fits");
    }

    /// <summary>A receive work request that a message is filling.</summary>
    public static void Transfer(StateCursor state, ref ReceiveWorkRequest request)
    {
        state.Value(ref request.WorkRequestId);
        state.Value(ref request.SgeCount);
        state.Value(ref request.TotalBytes);
        state.Value(ref request.Sges);
        state.Check(request.SgeCount <= ScatterGatherList.Capacity, "a receive work request has more entries than fit");
    }
}
