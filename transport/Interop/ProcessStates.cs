namespace RoceEngine.Interop;

/// <summary>What the kernel tells of other processes.</summary>
public static class ProcessStates
{
    /// <summary>True when a process does not run because a signal or a debugger stopped it; false too when nothing is known of it.</summary>
    public static bool IsStopped(int processId)
    {
        try
        {
            // The name before the state may hold anything but ends at the last parenthesis: proc(5).
            string text = File.ReadAllText($"/proc/{processId}/stat");
            int end = text.LastIndexOf(')');
            return end >= 0 && end + 2 < text.Length && text[end + 2] is 'T' or 't';
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
