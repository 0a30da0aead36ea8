using System.CommandLine;

namespace RoceEngine.PerfTool.Options;

/// <summary>
/// Turns the spellings that <c>getopt_long</c> accepts into those of System.CommandLine: a value that clings to its
/// short flag (<c>-s65536</c>) and flags in a bunch (<c>-aF</c>).
/// </summary>
internal static class ArgumentSpelling
{
    /// <summary>The arguments with each clinging value and each bunched flag on its own.</summary>
    public static string[] Normalize(IReadOnlyList<string> arguments, IEnumerable<Option> options)
    {
        Dictionary<char, bool> takesValue = [];
        foreach (Option option in options)
        {
            foreach (string alias in option.Aliases.Append(option.Name))
            {
                if (alias is ['-', not '-'])
                    takesValue[alias[1]] = option.Arity.MaximumNumberOfValues > 0 && option.ValueType != typeof(bool);
            }
        }

        List<string> spelled = [];
        bool valueFollows = false;
        foreach (string argument in arguments)
        {
            if (valueFollows || argument.Length <= 2 || argument[0] != '-' || argument[1] == '-')
            {
                spelled.Add(argument);
                valueFollows = !valueFollows && argument is ['-', not '-'] && takesValue.GetValueOrDefault(argument[1]);
            }
            else
            {
                valueFollows = Unbunch(argument, takesValue, spelled);
            }
        }

        return [.. spelled];
    }

    /// <summary>Splits one bunch; true when the last flag in it still needs a value.</summary>
    private static bool Unbunch(string argument, Dictionary<char, bool> takesValue, List<string> spelled)
    {
        for (int index = 1; index < argument.Length; index++)
        {
            if (!takesValue.TryGetValue(argument[index], out bool value))
            {
                spelled.Add(index == 1 ? argument : "-" + argument[index..]);
                return false;
            }

            spelled.Add("-" + argument[index]);
            if (!value)
                continue;
            if (index + 1 == argument.Length)
                return true;
            spelled.Add(argument[(index + 1)..].TrimStart('='));
            return false;
        }

        return false;
    }
}
