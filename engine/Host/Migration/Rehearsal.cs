using System.Reflection;
using System.Runtime.CompilerServices;
using RoceEngine.Device;
using RoceEngine.HostStream;
using RoceEngine.Protocol;

namespace RoceEngine.Host.Migration;

/// <summary>
/// Has the code of a move compiled before the first one: compiled at its first call it would be while a device stands still, and takes longer than all that
/// is done then. Once for the process, on a thread of its own.
/// </summary>
internal static class Rehearsal
{
    private const BindingFlags Declared =
        BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance;

    private static readonly Assembly[] s_assemblies =
    [
        typeof(Rehearsal).Assembly, typeof(VrdmaDevice).Assembly, typeof(QueuePairConfig).Assembly, typeof(HostConnection).Assembly,
    ];

    private static int s_begun;

    /// <summary>Begins, unless it has begun.</summary>
    public static void Begin()
    {
        if (Interlocked.Exchange(ref s_begun, 1) == 0)
            new Thread(Run) { IsBackground = true, Name = "vrdma-rehearsal" }.Start();
    }

    private static void Run()
    {
        foreach (Assembly assembly in s_assemblies)
        {
            foreach (Type type in assembly.GetTypes())
                Prepare(type);
        }
    }

    private static void Prepare(Type type)
    {
        // What is generic is compiled for each of its uses, of which nothing is known here.
        if (type.ContainsGenericParameters)
            return;
        foreach (MethodBase method in type.GetMethods(Declared).Concat<MethodBase>(type.GetConstructors(Declared)))
        {
            if (!method.IsAbstract && !method.ContainsGenericParameters && method.GetMethodBody() is not null)
                RuntimeHelpers.PrepareMethod(method.MethodHandle);
        }
    }
}
