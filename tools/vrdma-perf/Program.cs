using System.Text;
using RoceEngine.PerfTool;

using StreamWriter output = new(Console.OpenStandardOutput(), new UTF8Encoding(false), bufferSize: 1 << 14);
return PerfProgram.Run(args, output, Console.Error);
