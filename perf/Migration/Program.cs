// How long a device stands still when it moves, by the number of its busy QPs:
//     dotnet run -c Release --project perf/Migration
// Real processes: two daemons between which the device of one guest moves, a third one with the peer, and the two guests.
using RoceEngine.Launching;
using RoceEngine.MigrationBenchmark;

if (WorkspaceKeeper.IsAskedFor(args))
    return WorkspaceKeeper.Run(args);
return BusyEnd.IsAskedFor(args) ? BusyEnd.Run(args) : CommandLine.Run(args);
