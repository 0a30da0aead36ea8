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
    MaskedCompareSwap,
    MaskedFetchAdd,
    AtomicWrite,

    /// <summary>Global visibility of a range of the peer's target, or of all of it.</summary>
    Flush,

    /// <summary>SEND that closes the peer's memory window, or a plain one while none is open.</summary>
    SendWithInvalidate,

    /// <summary>Opens a memory window over the own target. Not drawn: posted whenever none is open.</summary>
    BindWindow,

    /// <summary>Closes a type-1 window over the own target. Not drawn, as those below.</summary>
    CloseWindow,

    /// <summary>Opens a fast registration of the own target.</summary>
    FastRegister,

    /// <summary>Closes a type-2 window or a fast registration of the own target.</summary>
    LocalInvalidate,
}

internal static class Operations
{
    /// <summary>How many there are.</summary>
    public const int Count = (int)Operation.LocalInvalidate + 1;

    /// <summary>How many of them, from the first on, can be drawn for a service.</summary>
    public static int CountOf(QueuePairType service) => service switch
    {
        QueuePairType.Rc => (int)Operation.SendWithInvalidate + 1,
        QueuePairType.Uc => (int)Operation.WriteWithImmediate + 1,
        _ => (int)Operation.SendWithImmediate + 1,
    };

    /// <summary>True for an 8-byte operation that brings the value before.</summary>
    public static bool IsAtomic(Operation operation) => ChangesWord(operation) || operation == Operation.FetchAddShared;

    /// <summary>True for an atomic on the word that the peer has for this end alone.</summary>
    public static bool ChangesWord(Operation operation) =>
        operation is Operation.CompareSwap or Operation.FetchAdd or Operation.MaskedCompareSwap or Operation.MaskedFetchAdd;

    /// <summary>True for what brings bytes back.</summary>
    public static bool Lands(Operation operation) => operation is Operation.ReadSource or Operation.ReadTarget || IsAtomic(operation);

    /// <summary>True for what changes keys of the own device.</summary>
    public static bool IsLocal(Operation operation) => operation >= Operation.BindWindow;

    public static SendOpcode OpcodeOf(Operation operation) => operation switch
    {
        Operation.Send => SendOpcode.Send,
        Operation.SendWithImmediate => SendOpcode.SendWithImmediate,
        Operation.Write => SendOpcode.Write,
        Operation.WriteWithImmediate => SendOpcode.WriteWithImmediate,
        Operation.ReadSource or Operation.ReadTarget => SendOpcode.Read,
        Operation.CompareSwap => SendOpcode.CompareSwap,
        Operation.MaskedCompareSwap => SendOpcode.MaskedCompareSwap,
        Operation.MaskedFetchAdd => SendOpcode.MaskedFetchAdd,
        Operation.AtomicWrite => SendOpcode.AtomicWrite,
        Operation.Flush => SendOpcode.Flush,
        Operation.SendWithInvalidate => SendOpcode.SendWithInvalidate,
        Operation.BindWindow or Operation.CloseWindow => SendOpcode.BindWindow,
        Operation.FastRegister => SendOpcode.FastRegister,
        Operation.LocalInvalidate => SendOpcode.LocalInvalidate,
        _ => SendOpcode.FetchAdd,
    };

    public static WorkCompletionOpcode CompletionOf(SendOpcode opcode) => opcode switch
    {
        SendOpcode.Write or SendOpcode.WriteWithImmediate => WorkCompletionOpcode.Write,
        SendOpcode.Read => WorkCompletionOpcode.Read,
        SendOpcode.CompareSwap => WorkCompletionOpcode.CompareSwap,
        SendOpcode.FetchAdd => WorkCompletionOpcode.FetchAdd,
        SendOpcode.MaskedCompareSwap => WorkCompletionOpcode.MaskedCompareSwap,
        SendOpcode.MaskedFetchAdd => WorkCompletionOpcode.MaskedFetchAdd,
        SendOpcode.AtomicWrite => WorkCompletionOpcode.AtomicWrite,
        SendOpcode.Flush => WorkCompletionOpcode.Flush,
        SendOpcode.BindWindow => WorkCompletionOpcode.BindWindow,
        SendOpcode.FastRegister => WorkCompletionOpcode.FastRegister,
        SendOpcode.LocalInvalidate => WorkCompletionOpcode.LocalInvalidate,
        _ => WorkCompletionOpcode.Send,
    };

    /// <summary>True for what takes a receive of the peer.</summary>
    public static bool TakesReceive(SendOpcode opcode) =>
        opcode is SendOpcode.Send or SendOpcode.SendWithImmediate or SendOpcode.WriteWithImmediate or SendOpcode.SendWithInvalidate;
}
