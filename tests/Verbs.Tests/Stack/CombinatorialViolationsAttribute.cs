using System.Reflection;
using Xunit.Sdk;
using Xunit.v3;

namespace RoceEngine.Verbs.Tests;

/// <summary>Every remote access violation with every operation that it applies to.</summary>
public sealed class CombinatorialViolationsAttribute : DataAttribute
{
    private static readonly SendOpcode[] Opcodes = [SendOpcode.Write, SendOpcode.WriteWithImmediate, SendOpcode.Read, SendOpcode.FetchAdd];

    /// <inheritdoc/>
    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker)
    {
        var rows = new List<ITheoryDataRow>();
        foreach (ErrorTests.Violation violation in Enum.GetValues<ErrorTests.Violation>())
        {
            foreach (SendOpcode opcode in Opcodes)
                rows.Add(new TheoryDataRow<ErrorTests.Violation, SendOpcode>(violation, opcode));
        }

        return new ValueTask<IReadOnlyCollection<ITheoryDataRow>>(rows);
    }

    /// <inheritdoc/>
    public override bool SupportsDiscoveryEnumeration() => true;
}
