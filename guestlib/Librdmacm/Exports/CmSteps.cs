using RoceEngine.Libibverbs;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Librdmacm.Objects;

namespace RoceEngine.Librdmacm.Exports;

/// <summary>Calls that begin a step.</summary>
internal static unsafe class CmSteps
{
    /// <summary>Returns 0, or -1 with errno; a synchronous identifier waits for the event that ends the step.</summary>
    public static int RunAndWait(RdmaCmId* id, Action call) => Edge.MinusOne(() =>
    {
        call();
        return CmId.Of(id).Complete();
    });
}
