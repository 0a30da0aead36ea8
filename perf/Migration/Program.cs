// How long a device stands still when it moves, by the number of its busy QPs:
//     dotnet run -c Release --project perf/Migration
// Real processes: two daemons between which the device of one guest moves, a third one with the peer, and the two guests.
// And what it costs an operation that its device can move, while it does not:
//     dotnet build -c Release -p:WithoutMigration=true perf/Migration && dotnet run -c Release --project perf/Migration -- cost
using RoceEngine.Launching;
using RoceEngine.MigrationBenchmark;
using RoceEngine.MigrationBenchmark.Cost;

if (WorkspaceKeeper.IsAskedFor(args))
    return WorkspaceKeeper.Run(args);
if (CostRun.IsAskedFor(args))
    return CostRun.Run(args);
return BusyEnd.IsAskedFor(args) ? BusyEnd.Run(args) : CommandLine.Run(args);
