using Hostile.Tests.Arenas;

namespace Hostile.Tests.Guests;

/// <summary>A named attack. It asserts what Mallory is told; that nobody else is harmed is asserted for all of them alike.</summary>
internal sealed record AttackCase(string Class, string Name, Action<Attack> Run)
{
    /// <summary>Limits of Mallory's device, where the case is about them.</summary>
    public DeviceLimits? Limits { get; init; }

    /// <summary>The attack ends with Mallory's device given up; her objects go with it.</summary>
    public bool IsFatal { get; init; }

    /// <summary>Needs a host: what it attacks is not the device's.</summary>
    public bool NeedsHost { get; init; }

    public bool RunsIn(ArenaKind kind) => !NeedsHost || kind != ArenaKind.Devices;
}

/// <summary>All attacks, by class.</summary>
internal static class AttackCatalogue
{
    public static IReadOnlyList<AttackCase> All { get; } =
    [
        .. Cases.WorkRequestCases.All,
        .. Cases.ReceiveRequestCases.All,
        .. Cases.RemoteMemoryCases.All,
        .. Cases.RegionCases.All,
        .. Cases.PageDirectoryCases.All,
        .. Cases.RemappingCases.All,
        .. Cases.QueueSizeCases.All,
        .. Cases.SharedRegionCases.All,
        .. Cases.OrderCases.All,
        .. Cases.AttributeCases.All,
        .. Cases.HandleCases.All,
        .. Cases.RegisterCases.All,
        .. Cases.IndexCases.All,
        .. Cases.DoorbellCases.All,
        .. Cases.TeardownCases.All,
        .. Cases.WindowCases.All,
        .. Cases.SharedReceiveQueueCases.All,
        .. Cases.DatagramCases.All,
        .. Cases.MulticastCases.All,
        .. Cases.OperationCases.All,
        .. Cases.RaceCases.All,
        .. Cases.CommandRaceCases.All,
    ];

    /// <summary>The case of that name.</summary>
    public static AttackCase Find(string attackClass, string name) =>
        All.Single(each => each.Class == attackClass && each.Name == name);
}
