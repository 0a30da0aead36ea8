using System.Globalization;
using System.Net;
using RoceEngine.Launching;

namespace RoceEngine.MigrationBenchmark.Cost;

/// <summary>The ratio of two engines, one value per process: their median, the least and the greatest.</summary>
internal readonly record struct CostRatio(double Median, double Least, double Greatest)
{
    public static CostRatio Of(IReadOnlyList<double> values) => new(Spread.Of(values).Median, values.Min(), values.Max());
}

/// <summary>What it costs an operation that its device can move.</summary>
/// <param name="Shipped">Rate of the engine as it is, ÷ rate of the one without what moving takes.</param>
/// <param name="Control">Rate of a second copy of the engine without it, ÷ rate of the first: what the measurement itself is good for.</param>
/// <param name="ShippedNs">Median ns per operation; so is the one below.</param>
/// <param name="WithoutNs">Of the engine without.</param>
internal sealed record CostFigure(CostRatio Shipped, CostRatio Control, double ShippedNs, double WithoutNs);

/// <summary>
/// Measures engines by turns in one process and on one thread: one as it is built, and two copies of one that was built without the checks of
/// <see cref="Protocol.MovingChecks"/>. Their order changes from round to round. What the JIT compiler makes of its own profile differs by more from copy to copy
/// than these checks cost, so it gets none unless that is asked for; and the whole is done in several processes, in which the engines are
/// loaded in different orders.
/// </summary>
internal static class CostRun
{
    private const string Verb = "cost-process";
    private const string ProfileSwitch = "DOTNET_TieredPGO";
    private const int Engines = 3;
    private const double WarmUpSeconds = 0.5;
    private const int WarmUps = 3;

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    /// <exception cref="LaunchException">The other engine is not there, or is not what it should be.</exception>
    public static async Task<CostFigure> MeasureAsync(
        string twinDirectory, int processes, int rounds, double seconds, bool usesProfile, CancellationToken cancellation)
    {
        // Children inherit it.
        Environment.SetEnvironmentVariable(ProfileSwitch, usesProfile ? "1" : "0");
        List<double> shipped = [];
        List<double> control = [];
        List<double> shippedNs = [];
        List<double> withoutNs = [];
        for (int i = 0; i < processes; i++)
        {
            string[] arguments =
            [
                Verb, twinDirectory, (i % Engines).ToString(CultureInfo.InvariantCulture), rounds.ToString(CultureInfo.InvariantCulture),
                seconds.ToString(CultureInfo.InvariantCulture),
            ];
            ChildProcess process = ChildProcess.Start($"process {i}", ProgramPath.Find("Migration"), arguments);
            await using (process.ConfigureAwait(false))
            {
                string[] words = (await process.ReadLineAsync(s_patience, cancellation).ConfigureAwait(false)).Split(' ');
                if (words is not ["cost", _, _, _, _])
                    throw new LaunchException(string.Join(' ', words));
                double[] values = [.. words.Skip(1).Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
                shipped.Add(values[0]);
                control.Add(values[1]);
                shippedNs.Add(values[2]);
                withoutNs.Add(values[3]);
            }
        }
        return new CostFigure(CostRatio.Of(shipped), CostRatio.Of(control), Spread.Of(shippedNs).Median, Spread.Of(withoutNs).Median);
    }

    public static bool IsAskedFor(string[] arguments) => arguments is [Verb, _, _, _, _];

    /// <summary>One of the processes.</summary>
    public static int Run(string[] arguments)
    {
        try
        {
            Measure(arguments[1], int.Parse(arguments[2], CultureInfo.InvariantCulture), int.Parse(arguments[3], CultureInfo.InvariantCulture), double.Parse(arguments[4], CultureInfo.InvariantCulture));
            return 0;
        }
        catch (Exception failure) when (failure is LaunchException or IOException or Verbs.VerbsException)
        {
            Console.Out.WriteLine(failure.Message.ReplaceLineEndings(" "));
            return 1;
        }
    }

    private static void Measure(string twinDirectory, int firstLoaded, int rounds, double seconds)
    {
        AddressPlan plan = new(new IPAddress([127, 19, (byte)Random.Shared.Next(1, 255), (byte)Random.Shared.Next(1, 255)]));
        var streams = new Func<double, double>[Engines];
        for (int i = 0; i < Engines; i++)
        {
            int which = (firstLoaded + i) % Engines;
            streams[which] = Open(plan, which == 0 ? AppContext.BaseDirectory : twinDirectory, hasChecks: which == 0);
        }
        for (int i = 0; i < WarmUps * Engines; i++)
            _ = streams[i % Engines](WarmUpSeconds);
        List<double>[] ns = [[], [], []];
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < Engines; i++)
            {
                int which = (round + (round % 2 == 0 ? i : Engines - i)) % Engines;
                ns[which].Add(streams[which](seconds));
            }
        }
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"cost {Ratio(ns[1], ns[0])} {Ratio(ns[1], ns[2])} {Spread.Of(ns[0]).Median} {Spread.Of(ns[1]).Median}"));
    }

    /// <summary>Of the rates, so the times are the other way round.</summary>
    private static double Ratio(List<double> without, List<double> engine) => Spread.Of(without.Zip(engine, (one, other) => one / other)).Median;

    private static Func<double, double> Open(AddressPlan plan, string directory, bool hasChecks)
    {
        var copy = new EngineCopy(directory);
        return copy.HasChecks == hasChecks
            ? copy.OpenStream(plan.Take().ToString(), plan.Take().ToString())
            : throw new LaunchException($"the engine in {directory} {(hasChecks ? "lacks" : "has")} what it should {(hasChecks ? "have" : "lack")}");
    }
}
