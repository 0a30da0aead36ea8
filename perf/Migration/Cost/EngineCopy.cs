using System.Reflection;
using System.Runtime.Loader;
using RoceEngine.Launching;

namespace RoceEngine.MigrationBenchmark.Cost;

/// <summary>
/// A copy of this program and its engine, from its own or another folder, loaded into this process beside all others: two engines can so be measured by turns
/// on one thread. It stays until the process ends, since code that can be unloaded is compiled differently.
/// </summary>
internal sealed class EngineCopy : AssemblyLoadContext
{
    private readonly AssemblyDependencyResolver _resolver;
    private readonly Assembly _program;

    /// <exception cref="LaunchException">There is no such program in the folder, or it is of another source.</exception>
    public EngineCopy(string directory)
    {
        string path = Path.Combine(directory, "Migration.dll");
        if (!File.Exists(path))
            throw new LaunchException($"there is no {path}: build it with dotnet build perf/Migration -c Release -p:WithoutMigration=true");
        _resolver = new AssemblyDependencyResolver(path);
        _program = LoadFromAssemblyPath(path);
        if (SourceOf(_program) is var source && source != SourceOf(typeof(EngineCopy).Assembly))
            throw new LaunchException($"{path} was built of other sources ({source}): build it again");
    }

    /// <summary>Where the engine without what moving takes is built.</summary>
    public static string TwinDirectory => Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "without-migration"));

    /// <summary>Whether its datapath has the checks of <see cref="Protocol.MovingChecks"/>.</summary>
    public bool HasChecks =>
        LoadFromAssemblyName(new AssemblyName("RoceEngine.Protocol")).GetType("RoceEngine.Protocol.MovingChecks")?.GetField("AreIn")?.GetRawConstantValue() is true;

    /// <summary>Opens a stream of its own, see <see cref="WriteStream.Open"/>.</summary>
    public Func<double, double> OpenStream(string near, string far)
    {
        Type type = _program.GetType(typeof(WriteStream).FullName!, throwOnError: true)!;
        return type.GetMethod(nameof(WriteStream.Open))!.CreateDelegate<Func<string, string, Func<double, double>>>()(near, far);
    }

    protected override Assembly? Load(AssemblyName assemblyName) =>
        _resolver.ResolveAssemblyToPath(assemblyName) is { } path ? LoadFromAssemblyPath(path) : null;

    private static string? SourceOf(Assembly assembly) => assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
}
