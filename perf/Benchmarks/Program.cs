using System.Reflection;
using BenchmarkDotNet.Running;

// dotnet run -c Release --project perf/Benchmarks -- --filter '*Icrc*'
BenchmarkSwitcher.FromAssembly(Assembly.GetExecutingAssembly()).Run(args);
