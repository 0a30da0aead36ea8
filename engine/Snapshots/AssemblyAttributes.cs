using System.Runtime.CompilerServices;

// Descriptors and pointers only: nothing here is marshalled.
[assembly: DisableRuntimeMarshalling]
[assembly: InternalsVisibleTo("Snapshots.Tests")]
