namespace Hostile.Tests.Guests;

/// <summary>Tests that measure the memory of the whole process run while no other test does.</summary>
[CollectionDefinition(nameof(MeasuresMemory), DisableParallelization = true)]
public sealed class MeasuresMemory;

/// <summary>Creations that fail half-way, again and again: nothing of them may stay.</summary>
[Collection(nameof(MeasuresMemory))]
public sealed class LeakTests
{
    private const int Attempts = 10_000;

    /// <summary>10,000 objects of any kind that somebody still held would be more; tables that reuse handles last grow by less.</summary>
    private const long GrowthMax = 1_000_000;

    public static TheoryData<string> Names() => [.. CreationCatalogue.All.Select(creation => creation.Name)];

    /// <summary>No object, page, membership or memory is left of them, and with the obstacle gone the next attempt succeeds.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Ten_thousand_creations_that_fail_half_way_leak_nothing(string name)
    {
        Creation creation = CreationCatalogue.All.Single(each => each.Name == name);
        using var world = new CreationWorld(creation.Limits);
        (Func<PvrdmaCommandError> attempt, Action mend) = creation.Prepare(world);
        (int[] objects, long pinned) = world.Counts;
        long memory = 0;
        for (int i = 0; i < Attempts; i++)
        {
            Assert.Equal(creation.Error, attempt());
            if (i == Attempts / 10)
            {
                memory = GC.GetTotalMemory(forceFullCollection: true);
            }
        }

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - memory, long.MinValue, GrowthMax);
        Assert.Equal(objects, world.Counts.Objects);
        Assert.Equal(pinned, world.Counts.PinnedPages);
        Assert.Empty(world.Guest.ReadEvents());
        mend();
        Assert.Equal(PvrdmaCommandError.None, attempt());
        AssertNothingHeld(world);
    }

    public static TheoryData<string> NamesWithReferences() =>
        [.. CreationCatalogue.All.Select(creation => creation.Name).Where(name => name.Contains("queue pair") && !name.Contains("handle"))];

    /// <summary>What a queue pair would have used may go at once: a creation that failed refers to nothing.</summary>
    [Theory]
    [MemberData(nameof(NamesWithReferences))]
    public void Queue_pairs_that_were_not_created_hold_nothing_back(string name)
    {
        Creation creation = CreationCatalogue.All.Single(each => each.Name == name);
        using var world = new CreationWorld(creation.Limits);
        (Func<PvrdmaCommandError> attempt, _) = creation.Prepare(world);
        Assert.Equal(creation.Error, attempt());
        world.Destroys(PvrdmaCommand.DestroySrq, world.Shared.Handle)();
        world.Destroys(PvrdmaCommand.DestroyCq, world.Queue.Handle)();
        world.Destroys(PvrdmaCommand.DestroyPd, world.Domain)();
    }

    /// <summary>A reset gives everything back, the link's groups too.</summary>
    private static void AssertNothingHeld(CreationWorld world)
    {
        world.Guest.Write(PvrdmaRegister.Control, (uint)PvrdmaDeviceControl.Reset);
        Assert.All(world.Counts.Objects, count => Assert.Equal(0, count));
        Assert.Equal(0, world.Counts.PinnedPages);
    }
}
