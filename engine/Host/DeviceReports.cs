using RoceEngine.Channel;
using RoceEngine.Links;
using RoceEngine.Wire;
using DeviceReport = RoceEngine.Channel.DeviceReport;

namespace RoceEngine.Host;

/// <summary>Makes what tools show out of a device. On the worker's thread, which owns all that is looked at.</summary>
internal static class DeviceReports
{
    /// <summary>Fills in the reports of those guests that this worker serves.</summary>
    public static void Describe(Worker worker, AttachedGuest[] guests, DeviceReport?[] into)
    {
        for (int i = 0; i < guests.Length; i++)
        {
            if (guests[i].Worker == worker && !guests[i].IsDetaching)
                into[i] = Describe(guests[i]);
        }
    }
}
