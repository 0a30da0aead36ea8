using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("HostStream.Tests")]
