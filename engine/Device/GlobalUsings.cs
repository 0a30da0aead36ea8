global using Path = RoceEngine.Protocol.Path;
