namespace VerbsPrograms.Tests.Support;

/// <summary>A C program of the tests, compiled with the headers that users have.</summary>
internal sealed class CompiledProgram : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("vrdma-program-").FullName;

    private CompiledProgram(string name) => Path = System.IO.Path.Join(_directory, name);

    /// <summary>The program.</summary>
    public string Path { get; }

    /// <summary>Compiles one of <c>Programs</c>. A warning fails the test, the lack of a compiler or of headers skips it.</summary>
    /// <param name="name">The source's name without its end.</param>
    /// <param name="header">A header that it needs, of <paramref name="package"/>.</param>
    /// <param name="package">Debian's package.</param>
    /// <param name="libraries">What it is linked with.</param>
    public static async Task<CompiledProgram> MakeAsync(string name, string header, string package, params string[] libraries)
    {
        string compiler = Optional.FindProgram("gcc") ?? Optional.Program("clang", "clang");
        Assert.SkipUnless(File.Exists(header), $"the headers are not installed (Debian's package {package})");
        return await MakeAsync(compiler, name, libraries);
    }

    /// <summary>As the other, by a compiler that knows headers and libraries itself.</summary>
    public static async Task<CompiledProgram> MakeAsync(string compiler, string name, string[] libraries)
    {
        var program = new CompiledProgram(name);
        string source = System.IO.Path.Join(AppContext.BaseDirectory, "Programs", $"{name}.c");
        ProgramResult compiled = await ProgramRun.RunAsync(compiler, ["-Wall", "-Werror", "-O1", "-o", program.Path, source, .. libraries]);
        if (compiled.ExitCode != 0)
        {
            program.Dispose();
            Assert.Fail(compiled.ToString());
        }

        return program;
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
