using System.Globalization;
using System.Text;
using RoceEngine.Simulation.Drawing;

namespace RoceEngine.Simulation.Commands;

/// <summary>What a seed decided, for people.</summary>
internal static class PlanText
{
    public static string Of(WorldPlan plan)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"seed {plan.Seed}: {plan.HostCount} hosts, guests on hosts {string.Join(' ', plan.HostOfGuest)}, {(plan.IsIPv6 ? "IPv6" : "IPv4")}, "
            + $"window {plan.WindowBytes} bytes, turns up to {plan.TurnNsMax} ns, polls up to {plan.PollNsMax} ns apart");
        foreach (ConnectionPlan each in plan.Connections)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"  connection {each.Index}: {each.Service}{(each.UsesGroup ? " to a group" : "")}, MTU {each.MtuBytes}, timeout {each.Timeout}, retries {each.RetryCount}, "
                + $"RNR retries {each.RnrRetry}, RNR timer {each.RnrTimer}, READs and atomics {each.RdAtomic}");
            Append(text, "left", each.Left);
            Append(text, "right", each.Right);
        }
        foreach (NetworkPhase phase in plan.Faults.Phases)
            text.AppendLine(CultureInfo.InvariantCulture, $"  from {phase.FromNs / 1e3} us: {phase.Options}");
        foreach (object fault in plan.Faults.Partitions.Cast<object>().Concat(plan.Faults.Stalls).Concat(plan.Faults.Disruptions).Concat(plan.Moves))
            text.AppendLine(CultureInfo.InvariantCulture, $"  {fault}");
        return text.ToString();
    }

    private static void Append(StringBuilder text, string side, EndPlan end)
    {
        string violation = end.ViolationAt < 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", breaks a rule at request {end.ViolationAt}");
        text.AppendLine(
            CultureInfo.InvariantCulture,
            $"    {side}: guest {end.Guest}, depths {end.SendDepth} and {end.ReceiveDepth}, entries {end.SendSges} and {end.ReceiveSges}, inline "
            + $"{end.InlineBytes}, {end.Requests} requests, receives of {end.ReceiveBytes}, target of {end.TargetBytes}, receives late by up to "
            + $"{end.ReceiveDelayNsMax} ns{(end.UsesWindow ? $", opened by {end.Window}" : "")}{violation}");
    }
}
