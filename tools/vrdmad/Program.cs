using RoceEngine.Interop;
using RoceEngine.Vrdmad;

// Inherited by all threads: what they do at a time is little, and guests wait for it.
_ = ThreadScheduling.TrySet(0, ThreadUrgency.Brief);
return await DaemonCommand.RunAsync(args);
