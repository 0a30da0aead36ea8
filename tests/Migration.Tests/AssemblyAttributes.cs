using System.Runtime.Versioning;

[assembly: SupportedOSPlatform("linux")]

// Each test starts several processes that want the few cores for themselves.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
