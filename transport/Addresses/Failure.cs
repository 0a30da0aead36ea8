using System.Runtime.InteropServices;

namespace RoceEngine.Addresses;

/// <summary>Error numbers in words.</summary>
internal static class Failure
{
    /// <summary>What the last call on this thread failed of.</summary>
    public static string LastError() => Describe(Marshal.GetLastPInvokeError());

    public static string Describe(int errno) => $"{Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})";

    public static string Describe(RouteAnswer answer)
    {
        if (answer.Error == RouteAnswer.NoAnswer)
            return "it did not answer in time";
        return answer.Detail.Length == 0 ? Describe(answer.Error) : $"{Describe(answer.Error)}, {answer.Detail}";
    }
}
