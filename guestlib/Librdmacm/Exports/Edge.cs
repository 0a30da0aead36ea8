using RoceEngine.Libibverbs;
using RoceEngine.Librdmacm.Abi;
using RoceEngine.Librdmacm.Objects;

namespace RoceEngine.Librdmacm.Exports;

/// <summary>The edge of the C interface, where nothing may throw.</summary>
internal static unsafe class Edge
{
    /// <summary>Returns 0, or -1 with errno.</summary>
    public static int Run(Action call)
    {
        try
        {
            call();
            return 0;
        }
        catch (Exception e)
        {
            return Failure.MinusOne(e);
        }
    }

    /// <summary>As <see cref="Run"/>; a synchronous identifier then waits for the event that ends the step.</summary>
    public static int RunAndWait(RdmaCmId* id, Action call)
    {
        try
        {
            call();
            return CmId.Of(id).Complete();
        }
        catch (Exception e)
        {
            return Failure.MinusOne(e);
        }
    }
}
