using System.Diagnostics;
using RoceEngine.Interop;

namespace RoceEngine.Vrdma.Commands;

/// <summary>
/// Files below /dev/infiniband for a program that looks whether they are there before it asks the library for devices, as UCX does, and with it MPI.
/// They are in a /dev that the program and its children alone see: the machine's own with that directory added. Nothing reads from them.
/// </summary>
internal static class DeviceFiles
{
    /// <summary>Set in a process that was started anew to have the right to mount: it tries no second time.</summary>
    public const string RetryVariable = "VRDMA_RUN_HAS_NAMESPACE";

    private const string Devices = "/dev";
    private const string Directory = "infiniband";
    private static readonly string[] s_files = ["uverbs0", "rdma_cm"];

    /// <summary>unshare(1) of util-linux: a user namespace, in which this user may mount, and which is entered by a process of one thread only.</summary>
    private static readonly string[] s_namespaceCommand = ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "--"];

    /// <summary>Makes them for the program that the calling thread becomes. A machine that does not permit it goes without.</summary>
    /// <returns>
    /// Null when it is done, or cannot be; else the command that may do it in this one's place, with this one's arguments behind it.
    /// </returns>
    public static string[]? Provide()
    {
        if (File.Exists(Path.Join(Devices, Directory, s_files[0])))
            return null;
        bool isRetry = Environment.GetEnvironmentVariable(RetryVariable) is { Length: > 0 };
        int errno = Namespaces.LeaveMounts();
        if (errno == 0)
            Fill();
        if (isRetry)
            Namespaces.DropAmbientCapabilities();
        return errno == Errno.EPERM && !isRetry && MayHaveNamespace() ? s_namespaceCommand : null;
    }

    private static void Fill()
    {
        // A place to put it together. The mount leaves it again, and others never see it there.
        string place = System.IO.Directory.CreateTempSubdirectory("vrdma-dev-").FullName;
        try
        {
            if (Namespaces.MountEmpty(place) != 0)
                return;
            foreach (FileSystemInfo entry in new DirectoryInfo(Devices).EnumerateFileSystemInfos())
            {
                // One that is there, without what is wanted, is another machine's business and no part of this.
                if (entry.Name != Directory)
                    Show(entry, Path.Join(place, entry.Name));
            }

            string directory = System.IO.Directory.CreateDirectory(Path.Join(place, Directory)).FullName;
            foreach (string name in s_files)
                File.CreateSymbolicLink(Path.Join(directory, name), "../null");
            _ = Namespaces.Move(place, Devices);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The program goes without.
        }
        finally
        {
            TryDelete(place);
        }
    }

    private static void Show(FileSystemInfo entry, string target)
    {
        if (entry.LinkTarget is { } link)
        {
            File.CreateSymbolicLink(target, link);
            return;
        }
        if (entry is DirectoryInfo)
            System.IO.Directory.CreateDirectory(target);
        else
            File.Create(target).Dispose();

        // What went away meanwhile is an empty file.
        _ = Namespaces.Bind(entry.FullName, target);
    }

    private static void TryDelete(string directory)
    {
        try
        {
            System.IO.Directory.Delete(directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Still mounted on: it goes with the program.
        }
    }

    private static bool MayHaveNamespace()
    {
        try
        {
            ProcessStartInfo start = new(s_namespaceCommand[0], [.. s_namespaceCommand[1..], "true"])
            {
                RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false,
            };
            using Process trial = Process.Start(start)!;
            trial.WaitForExit();
            return trial.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // There is no such program.
            return false;
        }
    }
}
