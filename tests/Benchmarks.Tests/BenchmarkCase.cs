using System.Reflection;
using BenchmarkDotNet.Attributes;
using RoceEngine.Benchmarks;

namespace Benchmarks.Tests;

/// <summary>A benchmark with one choice of its parameters, run without BenchmarkDotNet.</summary>
internal sealed class BenchmarkCase
{
    private BenchmarkCase(Type type, MethodInfo method, IReadOnlyList<(PropertyInfo Property, object Value)> parameters)
    {
        Type = type;
        Method = method;
        Parameters = parameters;
    }

    public Type Type { get; }

    public MethodInfo Method { get; }

    public IReadOnlyList<(PropertyInfo Property, object Value)> Parameters { get; }

    /// <summary>The benchmark's key in the budget.</summary>
    public string Key => $"{Type.Name}.{Method.Name}";

    public override string ToString() =>
        $"{Key}({string.Join(", ", Parameters.Select(parameter => $"{parameter.Property.Name}: {parameter.Value}"))})";

    /// <summary>Every benchmark of the project with every choice of parameters.</summary>
    public static IReadOnlyList<BenchmarkCase> All() =>
    [
        .. from type in typeof(IcrcBenchmarks).Assembly.GetTypes()
           from method in type.GetMethods(BindingFlags.Public | BindingFlags.Instance)
           where method.GetCustomAttribute<BenchmarkAttribute>() != null
           from parameters in Choices(type)
           select new BenchmarkCase(type, method, parameters),
    ];

    /// <summary>
    /// Bytes that the calling thread allocates per operation: the least of several rounds, since a round may contain what the runtime
    /// does once, such as compiling a method anew.
    /// </summary>
    public double AllocatedBytesPerOperation(int operations, int rounds)
    {
        object instance = Activator.CreateInstance(Type)!;
        foreach (var (property, value) in Parameters)
        {
            property.SetValue(instance, value);
        }

        Call<GlobalSetupAttribute>(instance);
        try
        {
            Action body = BodyOf(instance);
            Repeat(body, operations);
            long least = long.MaxValue;
            for (int round = 0; round < rounds; round++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                Repeat(body, operations);
                least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            }

            return (double)least / operations;
        }
        finally
        {
            Call<GlobalCleanupAttribute>(instance);
        }
    }

    private static void Repeat(Action body, int operations)
    {
        for (int i = 0; i < operations; i++)
        {
            body();
        }
    }

    /// <summary>The method as a delegate of its own type, so that calling it boxes nothing.</summary>
    private Action BodyOf(object instance)
    {
        if (Method.ReturnType == typeof(void))
        {
            return Method.CreateDelegate<Action>(instance);
        }

        MethodInfo wrap = typeof(BenchmarkCase).GetMethod(nameof(Wrap), BindingFlags.NonPublic | BindingFlags.Static)!;
        return (Action)wrap.MakeGenericMethod(Method.ReturnType).Invoke(null, [instance, Method])!;
    }

    private static Action Wrap<T>(object instance, MethodInfo method)
    {
        Func<T> body = method.CreateDelegate<Func<T>>(instance);
        return () => body();
    }

    private static void Call<TAttribute>(object instance)
        where TAttribute : Attribute
    {
        foreach (MethodInfo method in instance.GetType().GetMethods().Where(m => m.GetCustomAttribute<TAttribute>() != null))
        {
            method.Invoke(instance, null);
        }
    }

    private static IEnumerable<IReadOnlyList<(PropertyInfo Property, object Value)>> Choices(Type type)
    {
        IEnumerable<List<(PropertyInfo, object)>> choices = [[]];
        foreach (PropertyInfo property in type.GetProperties())
        {
            if (property.GetCustomAttribute<ParamsAttribute>() is { } values)
            {
                choices = [.. from chosen in choices from value in values.Values select new List<(PropertyInfo, object)>([.. chosen, (property, value!)])];
            }
        }

        return choices;
    }
}
