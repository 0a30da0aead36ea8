namespace RoceEngine.Vrdma.Demo;

/// <summary>The operations' names in the specification's words.</summary>
internal static class OperationNames
{
    public static string Of(DemoOperation operation) => operation switch
    {
        DemoOperation.Send => "SEND",
        DemoOperation.SendWithImmediate => "SEND with immediate",
        DemoOperation.Write => "RDMA WRITE",
        DemoOperation.WriteWithImmediate => "RDMA WRITE with immediate",
        DemoOperation.Read => "RDMA READ",
        DemoOperation.CompareSwap => "compare-and-swap",
        DemoOperation.FetchAdd => "fetch-and-add",
        _ => throw new ArgumentOutOfRangeException(nameof(operation)),
    };
}
