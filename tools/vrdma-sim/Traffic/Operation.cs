using RoceEngine.Verbs;

namespace RoceEngine.Simulation.Traffic;

/// <summary>What an end of a connection can ask of the other.</summary>
internal enum Operation
{
    Send,
    SendWithImmediate,
    Write,
    WriteWithImmediate,
    ReadSource,
    ReadTarget,
    CompareSwap,
    FetchAdd,
    FetchAddShared,
}

internal static class Operations
{
    /// <summary>How many there are.</summary>
    public const int Count = (int)Operation.FetchAddShared + 1;

    public static SendOpcode OpcodeOf(Operation operation) => operation switch
    {
        Operation.Send => SendOpcode.Send,
        Operation.SendWithImmediate => SendOpcode.SendWithImmediate,
        Operation.Write => SendOpcode.Write,
        Operation.WriteWithImmediate => SendOpcode.WriteWithImmediate,
        Operation.ReadSource or Operation.ReadTarget => SendOpcode.Read,
        Operation.CompareSwap => SendOpcode.CompareSwap,
        _ => SendOpcode.FetchAdd,
    };

    public static WorkCompletionOpcode CompletionOf(SendOpcode opcode) => opcode switch
    {
        SendOpcode.Write or SendOpcode.WriteWithImmediate => WorkCompletionOpcode.Write,
        SendOpcode.Read => WorkCompletionOpcode.Read,
        SendOpcode.CompareSwap => WorkCompletionOpcode.CompareSwap,
        SendOpcode.FetchAdd => WorkCompletionOpcode.FetchAdd,
        _ => WorkCompletionOpcode.Send,
    };

    /// <summary>True for what takes a receive of the peer.</summary>
    public static bool TakesReceive(SendOpcode opcode) =>
        opcode is SendOpcode.Send or SendOpcode.SendWithImmediate or SendOpcode.WriteWithImmediate or SendOpcode.SendWithInvalidate;
}
