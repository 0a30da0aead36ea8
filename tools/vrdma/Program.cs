using RoceEngine.Launching;
using RoceEngine.Vrdma.Commands;

if (WorkspaceKeeper.IsAskedFor(args))
    return WorkspaceKeeper.Run(args);
return await CommandTree.RunAsync(args);
