using System.CommandLine;
using System.Globalization;
using RoceEngine.Verbs;
using RoceEngine.Vrdma.Output;

namespace RoceEngine.Vrdma.Commands;

/// <summary><c>vrdma explain</c>: what a completion status means and what usually causes it; all of them without a name.</summary>
internal static class ExplainCommand
{
    public static Command Create()
    {
        Argument<string?> status = new("STATUS")
        {
            Description = "A completion status, such as RETRY_EXC_ERR, IBV_WC_RETRY_EXC_ERR, RetryExceededError or 12; all when left out.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Command command = new("explain", "Tells what completion statuses mean and what usually causes them.") { status };
        command.SetAction(parsed => Run(parsed.GetValue(status)));
        return command;
    }

    private static int Run(string? name)
    {
        IEnumerable<CompletionStatus> asked = CompletionStatusExplanation.All;
        if (name is not null)
        {
            asked = CompletionStatusExplanation.TryParse(name, out CompletionStatus status)
                ? [status]
                : throw new CommandException($"explain: '{name}' is no completion status; vrdma explain lists them all", ExitCode.Usage);
        }

        // One line each, so that it can be searched; a table would break the lines.
        foreach (CompletionStatus status in asked)
        {
            Console.Out.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{(int)status,2}  {status.ConstantName(),-26}  {status.Explain()}"));
        }

        return ExitCode.Success;
    }
}
