using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;

namespace RoceEngine.PerfTool.Options;

/// <summary>
/// Makes options that parse as perftest's do: numbers in any of C's bases, one clear line when a value is bad, and one
/// when the flag has no meaning for the test at hand.
/// </summary>
internal sealed class OptionFactory(PerfTest test, Command command)
{
    /// <summary>A flag without a value.</summary>
    public Option<bool> Flag(string name, string[] aliases, string description, Availability? availability = null) =>
        Add(new Option<bool>(name, aliases) { Description = description, Arity = ArgumentArity.Zero }, availability);

    /// <summary>A whole number between two bounds, in decimal, hexadecimal (0x) or octal (0).</summary>
    public Option<long?> Number(
        string name, string[] aliases, string valueName, long minimum, long maximum, string description, Availability? availability = null)
    {
        Option<long?> option = new(name, aliases) { Description = description, HelpName = valueName, Arity = ArgumentArity.ExactlyOne };
        option.CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (!CNumber.TryParse(text, out long value))
                result.AddError($"{Spelled(option)} '{text}' is not a whole number");
            else if (value < minimum || value > maximum)
                result.AddError($"{Spelled(option)} {value} should be between {minimum} and {maximum}");
            else
                return value;
            return null;
        };
        return Add(option, availability);
    }

    /// <summary>Message bytes: a whole number, optionally followed by K or M (2^10, 2^20).</summary>
    public Option<long?> Size(string name, string[] aliases, string description, Availability? availability = null)
    {
        Option<long?> option = new(name, aliases) { Description = description, HelpName = "size", Arity = ArgumentArity.ExactlyOne };
        option.CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            int shift = text.EndsWith('K') ? 10 : text.EndsWith('M') ? 20 : 0;
            if (!CNumber.TryParse(shift == 0 ? text : text[..^1], out long value))
                result.AddError($"{Spelled(option)} '{text}' is not a number of bytes");
            else if (value < 1 || value > int.MaxValue >> shift)
                result.AddError($"{Spelled(option)} {text} should be between 1 and {int.MaxValue} bytes");
            else
                return value << shift;
            return null;
        };
        return Add(option, availability);
    }

    /// <summary>A number of seconds or a limit, with or without decimals.</summary>
    public Option<double?> Real(
        string name, string[] aliases, string valueName, bool zeroAllowed, string description, Availability? availability = null)
    {
        Option<double?> option = new(name, aliases) { Description = description, HelpName = valueName, Arity = ArgumentArity.ExactlyOne };
        option.CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || !double.IsFinite(value))
                result.AddError($"{Spelled(option)} '{text}' is not a number");
            else if (value < 0 || (value == 0 && !zeroAllowed))
                result.AddError($"{Spelled(option)} {text} must be {(zeroAllowed ? "zero or positive" : "positive")}");
            else if (value > 1e9)
                result.AddError($"{Spelled(option)} {text} is too large");
            else
                return value;
            return null;
        };
        return Add(option, availability);
    }

    /// <summary>A time: a number with <c>ms</c> or <c>s</c>, or of seconds.</summary>
    public Option<TimeSpan?> Period(string name, string valueName, string description)
    {
        Option<TimeSpan?> option = new(name) { Description = description, HelpName = valueName, Arity = ArgumentArity.ExactlyOne };
        option.CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            bool isMilliseconds = text.EndsWith("ms", StringComparison.Ordinal);
            string number = isMilliseconds ? text[..^2] : text.EndsWith('s') ? text[..^1] : text;
            if (!double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value))
                result.AddError($"{Spelled(option)} '{text}' is not a time such as 500ms, 1s or 2");
            else if ((isMilliseconds ? value / 1000 : value) is < 0.01 or > 86400)
                result.AddError($"{Spelled(option)} {text} should be between 10ms and 86400s");
            else
                return isMilliseconds ? TimeSpan.FromMilliseconds(value) : TimeSpan.FromSeconds(value);
            return null;
        };
        return Add(option, availability: null);
    }

    /// <summary>Free text.</summary>
    public Option<string?> Text(string name, string[] aliases, string valueName, string description, Availability? availability = null) =>
        Add(new Option<string?>(name, aliases) { Description = description, HelpName = valueName, Arity = ArgumentArity.ExactlyOne }, availability);

    /// <summary>One of a few words, compared exactly.</summary>
    public Option<TChoice?> Choice<TChoice>(
        string name, string[] aliases, string description, (string Word, TChoice Value)[] choices, Availability? availability = null)
        where TChoice : struct
    {
        string words = string.Join("|", choices.Select(choice => choice.Word));
        Option<TChoice?> option = new(name, aliases) { Description = description, HelpName = words, Arity = ArgumentArity.ExactlyOne };
        option.CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            foreach ((string word, TChoice value) in choices)
            {
                if (word == text)
                    return value;
            }

            result.AddError($"{Spelled(option)} '{text}' is not one of {words.Replace("|", ", ", StringComparison.Ordinal)}");
            return null;
        };
        return Add(option, availability);
    }

    /// <summary>An IP address as a device address; names are not resolved.</summary>
    public Option<IPAddress?> Address(string name, string[] aliases, string description, Availability? availability = null)
    {
        Option<IPAddress?> option = new(name, aliases) { Description = description, HelpName = "ip", Arity = ArgumentArity.ExactlyOne };
        option.CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (IPAddress.TryParse(text, out IPAddress? address) && (address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetwork || text.Split('.').Length == 4))
                return address;
            result.AddError($"{Spelled(option)} '{text}' is not an IP address");
            return null;
        };
        return Add(option, availability);
    }

    /// <summary>A flag of perftest's that this tool refuses whatever its value, with the reason.</summary>
    public void Refused(string name, string[] aliases, bool takesValue, string reason)
    {
        Option<string?> option = new(name, aliases)
        {
            Hidden = true,
            Arity = takesValue ? ArgumentArity.ExactlyOne : ArgumentArity.Zero,
        };
        option.Validators.Add(result => result.AddError($"{Spelled(option)} {reason}"));
        command.Options.Add(option);
    }

    /// <summary>A flag of perftest's that is accepted and changes nothing here.</summary>
    public void Ignored(string name, string[] aliases, bool takesValue) =>
        command.Options.Add(new Option<string?>(name, aliases)
        {
            Hidden = true,
            Arity = takesValue ? ArgumentArity.ExactlyOne : ArgumentArity.Zero,
        });

    /// <summary>The flag as a user knows it: <c>-s/--size</c>.</summary>
    public static string Spelled(Option option)
    {
        string? shortName = option.Aliases.FirstOrDefault(alias => alias.Length == 2);
        return shortName is null ? option.Name : $"{shortName}/{option.Name}";
    }

    private TOption Add<TOption>(TOption option, Availability? availability)
        where TOption : Option
    {
        if (availability is { } rule && !rule.Allows(test))
        {
            option.Hidden = true;
            option.Validators.Add((OptionResult result) =>
            {
                if (!result.Implicit && (rule.HarmlessValue is null || result.Tokens is not [{ Value: var text }] || text != rule.HarmlessValue))
                    result.AddError($"{Spelled(option)} {rule.Reason} (this is {test.Name})");
            });
        }

        command.Options.Add(option);
        return option;
    }
}
