using RoceEngine.Vrdmad;

// Inherited by all threads but the workers: what they do is little, and guests wait for it.
_ = RoceEngine.Interop.ThreadScheduling.TrySet(0, RoceEngine.Interop.ThreadUrgency.Brief);
return await DaemonCommand.RunAsync(args);
