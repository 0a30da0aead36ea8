using RoceEngine.Protocol;

namespace RoceEngine.Protocol.Tests.Simulation;

/// <summary>Short ways to write work requests.</summary>
internal static class Requests
{
    public static SendWorkRequest Send(ulong id, ulong address, uint bytes, uint localKey) =>
        Make(WorkOpcode.Send, id, address, bytes, localKey);

    public static SendWorkRequest Write(ulong id, ulong address, uint bytes, uint localKey, ulong remoteAddress, uint remoteKey) =>
        Make(WorkOpcode.Write, id, address, bytes, localKey) with { RemoteAddress = remoteAddress, RemoteKey = remoteKey };

    public static SendWorkRequest Read(ulong id, ulong address, uint bytes, uint localKey, ulong remoteAddress, uint remoteKey) =>
        Make(WorkOpcode.Read, id, address, bytes, localKey) with { RemoteAddress = remoteAddress, RemoteKey = remoteKey };

    public static SendWorkRequest FetchAdd(ulong id, ulong address, uint localKey, ulong remoteAddress, uint remoteKey, ulong addend) =>
        Make(WorkOpcode.FetchAdd, id, address, 8, localKey) with
        {
            RemoteAddress = remoteAddress, RemoteKey = remoteKey, CompareOrAdd = addend,
        };

    public static SendWorkRequest CompareSwap(
        ulong id, ulong address, uint localKey, ulong remoteAddress, uint remoteKey, ulong compare, ulong swap) =>
        Make(WorkOpcode.CompareSwap, id, address, 8, localKey) with
        {
            RemoteAddress = remoteAddress, RemoteKey = remoteKey, CompareOrAdd = compare, Swap = swap,
        };

    public static SendWorkRequest Make(WorkOpcode opcode, ulong id, ulong address, uint bytes, uint localKey)
    {
        var request = new SendWorkRequest
        {
            WorkRequestId = id,
            Opcode = opcode,
            Flags = SendFlags.Signaled,
            TotalBytes = bytes,
            SgeCount = bytes == 0 ? (byte)0 : (byte)1,
        };
        request.Sges[0] = new ScatterGatherEntry { Address = address, Length = bytes, LocalKey = localKey };
        return request;
    }
}
