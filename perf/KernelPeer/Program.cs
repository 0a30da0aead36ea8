// The engine against the kernel's rxe in a small virtual machine, operation by operation:
//     dotnet run -c Release --project perf/KernelPeer
return RoceEngine.KernelPeer.CommandLine.Run(args);
