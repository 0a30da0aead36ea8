namespace RoceEngine.Vrdma.Demo;

/// <summary>
/// What a pass of atomics on one word must do, computed without a device: each message returns the value that the model had
/// before it, and the responder's word ends as the model ends.
/// </summary>
internal static class AtomicModel
{
    /// <summary>The word before the first message.</summary>
    public static ulong InitialValue(Pass pass) => pass.MessageSeed(pass.Messages);

    /// <summary>The word before each message, which is what the message returns, and behind them the word after the last.</summary>
    public static ulong[] Values(Pass pass)
    {
        ulong[] values = new ulong[pass.Messages + 1];
        values[0] = InitialValue(pass);
        for (int i = 0; i < pass.Messages; i++)
        {
            values[i + 1] = pass.Operation == DemoOperation.FetchAdd
                ? unchecked(values[i] + pass.MessageSeed(i))
                : MustFail(i) ? values[i] : pass.MessageSeed(i);
        }

        return values;
    }

    /// <summary>
    /// The operands of a message. Every third compare-and-swap compares with a value that is not there, and so must change nothing.
    /// </summary>
    /// <param name="pass">The pass.</param>
    /// <param name="values">Its <see cref="Values"/>.</param>
    /// <param name="index">Which message.</param>
    public static (ulong CompareOrAdd, ulong Swap) Operands(Pass pass, ulong[] values, int index)
    {
        ulong value = pass.MessageSeed(index);
        if (pass.Operation == DemoOperation.FetchAdd)
            return (value, 0);
        return (MustFail(index) ? ~values[index] : values[index], value);
    }

    /// <summary>Compares an end's memory with the model; the first difference in words, or null.</summary>
    public static string? Compare(MemoryArea area, Pass pass, bool isRequester)
    {
        ulong[] values = Values(pass);
        if (!isRequester)
        {
            return area.ReadWord(0) == values[^1]
                ? area.CompareGuards(pass, isRequester, slots: 1)
                : "the word does not hold what the model holds";
        }

        for (int i = 0; i < pass.Messages; i++)
        {
            if (area.ReadWord(i) != values[i])
                return $"message {i} returned another value than the model";
        }

        return area.CompareGuards(pass, isRequester, pass.Messages);
    }

    private static bool MustFail(int index) => index % 3 == 2;
}
