using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Device.Tests")]
