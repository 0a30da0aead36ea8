using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace RoceEngine.Vrdma.Commands;

/// <summary>Options and arguments that several commands share, with the checks that name a bad value.</summary>
internal static class CommonOptions
{
    /// <summary>The longest duration that an option takes, in seconds: a week.</summary>
    private const double SecondsMax = 7 * 24 * 3600;

    public static Option<string?> Socket() => new("--socket")
    {
        Description = "The daemon's Unix socket (default: $VRDMA_SOCKET, else $XDG_RUNTIME_DIR/vrdma/vrdmad.sock or /run/vrdma/vrdmad.sock).",
        HelpName = "PATH",
        CustomParser = Word,
    };

    /// <summary>An optional device argument.</summary>
    public static Argument<string?> Device(string description) => new("DEVICE")
    {
        Description = description,
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = Word,
    };

    /// <summary>An option that takes seconds, fractions allowed, above zero.</summary>
    public static Option<TimeSpan?> Seconds(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "SECONDS",
        CustomParser = result => ParseSeconds(result, name),
    };

    /// <summary>An option that takes a count of at least one.</summary>
    public static Option<long?> Count(string name, string alias, string description) => new(name, alias)
    {
        Description = description,
        HelpName = "COUNT",
        CustomParser = result => ParseCount(result, name),
    };

    /// <summary>An option that takes an IP address.</summary>
    public static Option<IPAddress?> Address(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "ADDRESS",
        CustomParser = result => ParseAddress(result, name, "an IP address", _ => true),
    };

    /// <summary>An option that takes an IPv4 address of 127.0.0.0/8.</summary>
    public static Option<IPAddress?> LoopbackAddress(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "ADDRESS",
        CustomParser = result => ParseAddress(
            result, name, "an IPv4 loopback address", address => address.AddressFamily == AddressFamily.InterNetwork && IPAddress.IsLoopback(address)),
    };

    public static Option<bool> Json(string description) => new("--json") { Description = description };

    /// <summary>
    /// Takes a word as it is, but not an empty one, which a shell makes of an unset variable, nor one that was meant as an option; a
    /// lone dash is a value.
    /// </summary>
    public static string? Word(ArgumentResult result)
    {
        string token = result.Tokens.Single().Value;
        OptionResult? option = result.Parent as OptionResult;
        if (token.Length == 0)
            result.AddError($"{option?.Option.Name ?? result.Argument.Name} must not be empty ('').");
        else if (token.Length > 1 && token[0] == '-')
            result.AddError(option is null ? $"Unrecognized option '{token}'." : $"{option.Option.Name}: '{token}' is an option, not a value.");
        else
            return token;
        return null;
    }

    private static TimeSpan? ParseSeconds(ArgumentResult result, string name)
    {
        string token = result.Tokens.Single().Value;
        if (double.TryParse(token, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double seconds)
            && seconds is >= 0.001 and <= SecondsMax)
            return TimeSpan.FromSeconds(seconds);
        result.AddError($"{name}: '{token}' is not a number of seconds from 0.001 to {SecondsMax.ToString(CultureInfo.InvariantCulture)}.");
        return null;
    }

    private static long? ParseCount(ArgumentResult result, string name)
    {
        string token = result.Tokens.Single().Value;
        if (long.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out long count) && count > 0)
            return count;
        result.AddError($"{name}: '{token}' is not a whole number above zero.");
        return null;
    }

    private static IPAddress? ParseAddress(ArgumentResult result, string name, string kind, Predicate<IPAddress> isAccepted)
    {
        string token = result.Tokens.Single().Value;

        // IPAddress.TryParse also takes "1" and "0x7f.1"; an address is written in full here.
        if (IPAddress.TryParse(token, out IPAddress? address)
            && (token.Contains(':', StringComparison.Ordinal) || address.ToString() == token)
            && isAccepted(address))
            return address;
        result.AddError($"{name}: '{token}' is not {kind}.");
        return null;
    }
}
