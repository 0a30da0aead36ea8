namespace RoceEngine.Libibverbs;

/// <summary>
/// The edge of the C interfaces, where nothing may throw: what a call throws becomes its error, in the form that the call has for that. Not for the
/// datapath: each use allocates.
/// </summary>
internal static unsafe class Edge
{
    /// <summary>Makes an object.</summary>
    public delegate T* Maker<T>()
        where T : unmanaged;

    /// <summary>Returns 0, or the error number.</summary>
    public static int Number(Action call)
    {
        try
        {
            call();
            return 0;
        }
        catch (Exception e)
        {
            return Failure.Of(e);
        }
    }

    /// <summary>Returns what the call returns, or the error number.</summary>
    public static int Number(Func<int> call)
    {
        try
        {
            return call();
        }
        catch (Exception e)
        {
            return Failure.Of(e);
        }
    }

    /// <summary>Returns 0, or -1 with errno.</summary>
    public static int MinusOne(Action call)
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

    /// <summary>Returns what the call returns, or -1 with errno.</summary>
    public static int MinusOne(Func<int> call)
    {
        try
        {
            return call();
        }
        catch (Exception e)
        {
            return Failure.MinusOne(e);
        }
    }

    /// <summary>Returns what is made, or null with errno.</summary>
    public static T* Pointer<T>(Maker<T> make)
        where T : unmanaged
    {
        try
        {
            return make();
        }
        catch (Exception e)
        {
            return (T*)Failure.Null(e);
        }
    }
}
