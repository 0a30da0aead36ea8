using System.Runtime.Versioning;
using VerbsPrograms.Tests.Support;

[assembly: SupportedOSPlatform("linux")]

// Each test starts processes that want the few cores for themselves.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

// Built once for all tests.
[assembly: AssemblyFixture(typeof(PublishedLibrary))]
