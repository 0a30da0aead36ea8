using RoceEngine.Vrdmad;

return await DaemonCommand.RunAsync(args);
