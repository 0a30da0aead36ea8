using System.Diagnostics;

namespace RoceEngine.Snapshots.Tests;

public class FileTests
{
    [Fact]
    public void The_file_has_its_name_only_when_it_is_complete()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File("a.snap");
        using (SnapshotFileWriter writer = SnapshotFileWriter.Create(path))
        {
            Sample.Small.WriteSections(writer);
            Assert.Equal([$"a.snap.partial-{Environment.ProcessId}"], directory.Names);
            writer.Complete();
            Assert.Equal(["a.snap"], directory.Names);
            Assert.Equal(new FileInfo(path).Length, writer.BytesWritten);
        }
        Assert.Equal(["a.snap"], directory.Names);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal("vrdma0", SnapshotFileReader.ReadManifest(path).Device);
        using SnapshotFileReader reader = SnapshotFileReader.Open(path);
        Sample.Small.AssertIsIn(reader);
    }

    [Fact]
    public void A_writer_that_is_given_up_leaves_nothing()
    {
        using var directory = new TemporaryDirectory();
        using (SnapshotFileWriter writer = SnapshotFileWriter.Create(directory.File("a.snap")))
            Sample.Small.WriteSections(writer);
        Assert.Empty(directory.Names);
    }

    [Fact]
    public void A_file_is_not_overwritten_unless_asked()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File("a.snap");
        File.WriteAllText(path, "precious");
        string sentence = $"The snapshot {path} exists already and is not overwritten.";
        Assert.Equal(sentence, Assert.Throws<SnapshotException>(() => SnapshotFileWriter.Create(path)).Message);

        using (SnapshotFileWriter writer = SnapshotFileWriter.Create(path, overwrite: true))
        {
            Sample.Small.WriteSections(writer);
            Assert.Equal("precious", File.ReadAllText(path));
            writer.Complete();
        }
        Assert.Equal("vrdma0", SnapshotFileReader.ReadManifest(path).Device);
        Assert.Equal(["a.snap"], directory.Names);
    }

    [Fact]
    public void A_file_that_came_to_be_meanwhile_is_not_overwritten()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File("a.snap");
        using SnapshotFileWriter writer = SnapshotFileWriter.Create(path);
        Sample.Small.WriteSections(writer);
        File.WriteAllText(path, "precious");
        Assert.Equal($"The snapshot {path} exists already and is not overwritten.",
            Assert.Throws<SnapshotException>(writer.Complete).Message);
        Assert.Equal("precious", File.ReadAllText(path));
        Assert.Equal(["a.snap"], directory.Names);
    }

    [Fact]
    public void Two_snapshots_at_once_to_one_name_do_not_mix()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File("a.snap");
        using SnapshotFileWriter first = SnapshotFileWriter.Create(path);
        Assert.Equal($"A snapshot is being written to {path} already.",
            Assert.Throws<SnapshotException>(() => SnapshotFileWriter.Create(path)).Message);
        Sample.Small.Write(first);
        Assert.Equal(["a.snap"], directory.Names);
    }

    [Fact]
    public void What_a_dead_process_of_our_number_left_is_replaced_and_a_link_there_is_not_followed()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File("a.snap");
        File.WriteAllText(directory.File("victim"), "precious");
        File.CreateSymbolicLink($"{path}.partial-{Environment.ProcessId}", directory.File("victim"));
        using (SnapshotFileWriter writer = SnapshotFileWriter.Create(path))
            Sample.Small.Write(writer);
        Assert.Equal("precious", File.ReadAllText(directory.File("victim")));
        Assert.Equal(["a.snap", "victim"], directory.Names);
    }

    [Fact]
    public void A_disk_that_fills_up_at_any_byte_leaves_nothing_behind()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File("a.snap");
        int fileBytes = Sample.Small.ToFile().Length;
        for (int room = 0; room < fileBytes; room += 97)
        {
            string message = Assert.Throws<SnapshotException>(() =>
            {
                using SnapshotFileWriter writer = SnapshotFileWriter.Create(path, overwrite: false, s => new FullStream(s, room));
                Sample.Small.Write(writer);
            }).Message;
            Assert.Equal($"The snapshot {path} cannot be written: No space left on device.", message);
            Assert.Empty(directory.Names);
        }
    }

    [Fact]
    public void A_full_disk_removes_the_partial_file_before_the_writer_is_disposed()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.File("a.snap");
        using SnapshotFileWriter writer = SnapshotFileWriter.Create(path, overwrite: false, s => new FullStream(s, 3000));
        Assert.Throws<SnapshotException>(() => Sample.Small.WriteSections(writer));
        Assert.Empty(directory.Names);
        Assert.Throws<ObjectDisposedException>(writer.Complete);
    }

    [Fact]
    public void A_full_device_is_a_sentence()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "there is no /dev/full");
        using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        string message = Assert.Throws<SnapshotException>(() => SnapshotFileWriter.Create(full)).Message;
        Assert.StartsWith("The snapshot cannot be written: No space left on device", message);
    }

    [Fact]
    public void A_full_file_system_keeps_no_partial_file()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "mounting a small tmpfs needs root");
        using var directory = new TemporaryDirectory();
        Assert.SkipUnless(Run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", directory.Path), "a tmpfs cannot be mounted here");
        try
        {
            string path = directory.File("a.snap");
            Sample large = Sample.Create(1, [.. Enumerable.Repeat(1, 300)], 0, 0);
            string message = Assert.Throws<SnapshotException>(() =>
            {
                using SnapshotFileWriter writer = SnapshotFileWriter.Create(path);
                large.Write(writer);
            }).Message;
            Assert.StartsWith($"The snapshot {path} cannot be written: No space left on device", message);
            Assert.Empty(directory.Names);
            using (SnapshotFileWriter writer = SnapshotFileWriter.Create(path))
                Sample.Small.Write(writer);
            Assert.Equal(["a.snap"], directory.Names);
        }
        finally
        {
            Run("umount", directory.Path);
        }
    }

    [Fact]
    public void A_missing_directory_and_a_missing_file_are_sentences()
    {
        Assert.StartsWith("The snapshot /nonexistent/a.snap cannot be written: ",
            Assert.Throws<SnapshotException>(() => SnapshotFileWriter.Create("/nonexistent/a.snap")).Message);
        Assert.StartsWith("The snapshot /nonexistent/a.snap cannot be opened: ",
            Assert.Throws<SnapshotException>(() => SnapshotFileReader.Open("/nonexistent/a.snap")).Message);
        Assert.StartsWith("The snapshot /tmp cannot be opened: ",
            Assert.Throws<SnapshotException>(() => SnapshotFileReader.Open("/tmp")).Message);
    }

    [Fact]
    public void A_snapshot_that_is_changed_while_it_is_open_is_noticed()
    {
        byte[] file = new Forge().Add(Forge.Manifest, Forge.ManifestJson(Sample.Describe(0, 0, 0))).Finish();
        byte[] other = new Forge().Add(Forge.Manifest, Forge.ManifestJson(Sample.Describe(0, 0, 0) with { Epoch = 8 })).Finish();
        using SnapshotFileReader reader = SnapshotFileReader.Open(new MemoryStream(file));
        reader.Verify();
        other.CopyTo(file, 0);
        Assert.Equal("The snapshot was changed while it was open.", Assert.Throws<SnapshotException>(() => reader.Verify()).Message);
    }

    [Fact]
    public void Parts_out_of_order_or_of_other_lengths_than_announced_are_programming_errors()
    {
        Sample sample = Sample.Small;
        using SnapshotFileWriter writer = SnapshotFileWriter.Create(new MemoryStream());
        Assert.Throws<InvalidOperationException>(() => writer.WriteControl([]));
        Assert.Throws<InvalidOperationException>(writer.Complete);
        Assert.Throws<ArgumentException>(() => writer.WriteManifest(sample.Manifest with { GuestRamBytes = 5 }));
        writer.WriteManifest(sample.Manifest);
        Assert.Throws<InvalidOperationException>(() => writer.WriteManifest(sample.Manifest));
        Assert.Throws<ArgumentException>(() => writer.WriteDeviceState([1]));
        writer.WriteControl(sample.Control);
        Assert.Throws<InvalidOperationException>(() => writer.WriteDeviceState(sample.State));
        Assert.Throws<InvalidOperationException>(writer.Complete);
    }

    private static bool Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            return process.WaitForExit(10_000) && process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    /// <summary>A file on a disk with so much room.</summary>
    private sealed class FullStream(Stream inner, long room) : Stream
    {
        private long _room = room;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => inner.Length;

        public override long Position { get => inner.Position; set => throw new NotSupportedException(); }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (buffer.Length > _room)
            {
                inner.Write(buffer[..(int)_room]);
                throw new IOException("No space left on device");
            }
            _room -= buffer.Length;
            inner.Write(buffer);
        }

        public override void Flush() => inner.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
