using System.Text;
using RoceEngine.Launching;
using RoceEngine.PerfTool;

if (WorkspaceKeeper.IsAskedFor(args))
    return WorkspaceKeeper.Run(args);

using StreamWriter output = new(Console.OpenStandardOutput(), new UTF8Encoding(false), bufferSize: 1 << 14);
return PerfProgram.Run(args, output, Console.Error);
