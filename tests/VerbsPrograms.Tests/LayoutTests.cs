using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using RoceEngine.Libibverbs.Abi;
using RoceEngine.Librdmacm.Abi;

namespace VerbsPrograms.Tests;

/// <summary>The structures that programs were compiled with: sizes and offsets as a C compiler laid rdma-core 44's headers out.</summary>
public sealed class LayoutTests
{
    private static readonly Dictionary<string, Type> s_types = typeof(IbvQp).Assembly.GetTypes().Concat(typeof(RdmaCmId).Assembly.GetTypes())
        .Where(type => type.IsValueType && (type.Namespace == typeof(IbvQp).Namespace || type.Namespace == typeof(RdmaCmId).Namespace))
        .ToDictionary(type => type.Name, StringComparer.Ordinal);

    public static TheoryData<string, string, int> Pinned()
    {
        var rows = new TheoryData<string, string, int>();
        string directory = Path.Join(AppContext.BaseDirectory, "Layouts");
        foreach (string line in Directory.GetFiles(directory, "*-44.txt").SelectMany(File.ReadLines))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            int value = int.Parse(words[^1], CultureInfo.InvariantCulture);
            (string name, string member) = words[0] == "sizeof" ? (words[^2], "") : Split(words[1]);
            if (s_types.ContainsKey(TypeName(name)) && !IsLeftOut(name, member))
                rows.Add(name, member, value);
        }

        return rows;
    }

    [Theory]
    [MemberData(nameof(Pinned))]
    public void It_is_where_the_compiler_put_it(string structure, string member, int expected)
    {
        Type type = s_types[TypeName(structure)];
        Assert.Equal(expected, member.Length == 0 ? SizeOf(type) : OffsetOf(type, member));
    }

    [Fact]
    public void Most_structures_are_pinned() =>
        Assert.True(Pinned().Select(row => row.Data.Item1).Distinct().Count() >= 36, "the list of layouts and the structures do not go together");

    private static (string Structure, string Member) Split(string path)
    {
        int dot = path.IndexOf('.', StringComparison.Ordinal);
        return (path[..dot], path[(dot + 1)..]);
    }

    // Parts of wide structures of which the library knows the beginning and the size alone, and what it has under another name.
    private static bool IsLeftOut(string structure, string member) =>
        (structure is "verbs_context" or "ibv_device_attr_ex" or "ibv_qp_init_attr_ex" or "ibv_srq_init_attr_ex" && member.Length != 0 && Find(structure, member) is null)
        || (structure == "ibv_send_wr" && (member.Contains('.', StringComparison.Ordinal) || member is "wr" or "qp_type"));

    private static FieldInfo? Find(string structure, string member) => s_types[TypeName(structure)].GetField(Pascal(member));

    private static int SizeOf(Type type) =>
        (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;

    // Of the structure itself, or of the one that it begins with.
    private static int OffsetOf(Type type, string member)
    {
        if (type.GetField(Pascal(member)) is not null)
            return (int)Marshal.OffsetOf(type, Pascal(member));
        FieldInfo? head = type.GetField("Base");
        Assert.True(head is not null, $"{type.Name} has no {Pascal(member)}");
        return OffsetOf(head.FieldType, member);
    }

    private static string TypeName(string name) => Pascal(name);

    private static string Pascal(string name) => string.Concat(name.Split('_', StringSplitOptions.RemoveEmptyEntries)
        .Select(word => char.ToUpperInvariant(word[0]) + word[1..]));
}
