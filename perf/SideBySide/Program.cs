return RoceEngine.SideBySide.CommandLine.Run(args);
