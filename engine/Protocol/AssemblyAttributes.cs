using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Protocol.Tests")]
