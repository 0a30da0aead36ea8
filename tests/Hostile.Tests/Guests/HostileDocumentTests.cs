using System.Text;

namespace Hostile.Tests.Guests;

/// <summary>tests/HOSTILE.md lists what is tested; this keeps it true. With HOSTILE_WRITE=1 in the environment it is written anew.</summary>
public sealed class HostileDocumentTests
{
    private const string Begin = "<!-- cases -->";
    private const string End = "<!-- end -->";

    [Fact]
    public void The_document_lists_every_attack_by_class()
    {
        string path = FindDocument();
        string text = File.ReadAllText(path);
        int begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        int end = text.IndexOf(End, StringComparison.Ordinal);
        string current = $"{text[..begin]}\n{Render()}{text[end..]}";
        if (Environment.GetEnvironmentVariable("HOSTILE_WRITE") == "1")
        {
            File.WriteAllText(path, current);
        }

        Assert.Equal(current, File.ReadAllText(path));
    }

    private static string Render()
    {
        var text = new StringBuilder();
        text.Append($"{AttackCatalogue.All.Count} attacks of a guest:\n");
        foreach (IGrouping<string, AttackCase> group in AttackCatalogue.All.GroupBy(attack => attack.Class))
        {
            text.Append($"\n### {char.ToUpperInvariant(group.Key[0])}{group.Key[1..]} ({group.Count()})\n\n");
            foreach (AttackCase attack in group)
            {
                text.Append($"* {attack.Name}\n");
            }
        }

        text.Append($"\n### Without end, beside a guest whose throughput is measured ({SustainedAttacks.All.Count})\n\n");
        foreach (string name in SustainedAttacks.All.Keys)
        {
            text.Append($"* {name}\n");
        }

        text.Append($"\n### Creations that fail half-way, 10,000 times each ({CreationCatalogue.All.Count})\n\n");
        foreach (Creation creation in CreationCatalogue.All)
        {
            text.Append($"* {creation.Name}\n");
        }

        return text.ToString();
    }

    private static string FindDocument()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder, "RoceEngine.sln")))
        {
            folder = System.IO.Path.GetDirectoryName(folder);
        }

        return System.IO.Path.Combine(folder ?? throw new InvalidOperationException("the tests do not run inside the repository"), "tests", "HOSTILE.md");
    }
}
