using RoceEngine.Vrdma.Commands;

return await CommandTree.RunAsync(args);
