namespace RoceEngine.Launching;

/// <summary>How to start one of our own programs: the file to execute, and the arguments that come before the program's own.</summary>
public sealed record ProgramPath(string FileName, IReadOnlyList<string> Arguments)
{
    /// <summary>
    /// Finds a program beside this one: as an executable file when this process was started by one, else as an assembly for the
    /// .NET host that runs this process.
    /// </summary>
    /// <param name="name">File name without extension.</param>
    /// <exception cref="LaunchException">Neither is there.</exception>
    public static ProgramPath Find(string name)
    {
        string executable = Path.Combine(AppContext.BaseDirectory, name);
        string assembly = executable + ".dll";
        bool isHosted = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet";
        if (!isHosted && File.Exists(executable))
            return new ProgramPath(executable, []);
        if (isHosted && File.Exists(assembly))
            return new ProgramPath(Environment.ProcessPath!, [assembly]);
        throw new LaunchException($"'{(isHosted ? assembly : executable)}' is missing; build the solution");
    }
}
