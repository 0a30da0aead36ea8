using System.Runtime.CompilerServices;
using System.Runtime.Versioning;

[assembly: SupportedOSPlatform("linux")]
[assembly: InternalsVisibleTo("EndToEnd.Tests")]
[assembly: InternalsVisibleTo("Migration.Tests")]
