using RoceEngine.Simulation.Commands;

return SimulationCommand.Run(args);
