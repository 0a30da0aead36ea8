using System.Runtime.Versioning;
using KernelPeer.Tests;

[assembly: SupportedOSPlatform("linux")]

// One virtual machine for all tests, and one pair of programs at a time in it.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]
[assembly: AssemblyFixture(typeof(PeerFixture))]
