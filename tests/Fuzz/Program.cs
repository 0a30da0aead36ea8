using Hostile.Tests.Fuzzing;
using SharpFuzz;

// fuzz TARGET                 runs under afl-fuzz: input by standard input, coverage by shared memory
// fuzz TARGET FILE...         runs the target over files, to look into what a fuzzer found
// fuzz --seeds TARGET FOLDER  writes the seeds of a target, a file each
if (args is ["--seeds", string seeded, string folder] && FuzzTargets.All.ContainsKey(seeded))
{
    Directory.CreateDirectory(folder);
    int number = 0;
    foreach (byte[] seed in FuzzSeeds.For(seeded))
    {
        File.WriteAllBytes(Path.Combine(folder, $"seed-{number++:d3}"), seed);
    }

    Console.WriteLine($"{number} seeds");
    return 0;
}

if (args.Length == 0 || !FuzzTargets.All.TryGetValue(args[0], out Action<byte[]>? target))
{
    Console.Error.WriteLine($"usage: fuzz TARGET [FILE...] | --seeds TARGET FOLDER, where TARGET is one of {string.Join(" ", FuzzTargets.All.Keys)}");
    return 2;
}

if (args.Length > 1)
{
    foreach (string file in args.AsSpan(1))
    {
        Console.WriteLine(file);
        target(File.ReadAllBytes(file));
    }

    return 0;
}

Fuzzer.OutOfProcess.Run(stream =>
{
    using var buffer = new MemoryStream();
    stream.CopyTo(buffer);
    if (buffer.Length <= FuzzTargets.InputBytesMax)
    {
        target(buffer.ToArray());
    }
});
return 0;
