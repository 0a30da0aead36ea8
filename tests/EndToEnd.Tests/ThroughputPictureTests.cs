using System.Globalization;
using System.Xml.Linq;
using RoceEngine.Vrdma.Output;

namespace EndToEnd.Tests;

/// <summary>The throughput picture is XML, says its units, and shows each move.</summary>
public sealed class ThroughputPictureTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [Fact]
    public void A_picture_is_xml_with_a_band_and_a_blackout_for_each_move()
    {
        ThroughputSample[] samples = [.. Enumerable.Range(1, 500).Select(i => new ThroughputSample(i * 0.01, i is 200 or 400 ? 0 : 9_000_000 + (i % 7 * 100_000)))];
        PictureMove[] moves = [new(1.98, 2.02, TimeSpan.FromMilliseconds(2.5)), new(3.98, 4.02, TimeSpan.FromMilliseconds(1.75))];
        XElement root = XElement.Parse(ThroughputPicture.Draw("A < B & \"C\"", samples, moves));
        string[] texts = [.. root.Elements(Svg + "text").Select(text => text.Value)];
        Assert.Equal(Svg + "svg", root.Name);
        Assert.Equal(2, root.Elements(Svg + "rect").Count(rect => (string?)rect.Attribute("class") == "move"));
        Assert.Contains("A < B & \"C\"", texts);
        Assert.Contains("2.5 ms", texts);
        Assert.Contains("throughput in Gbit/s", texts);
        Assert.Contains("time in s", texts);
        Assert.Equal(500, Points(root).Length);
    }

    [Fact]
    public void A_run_without_samples_is_a_picture_still() =>
        Assert.Empty(Points(XElement.Parse(ThroughputPicture.Draw("nothing", [], []))));

    [Fact]
    public void Numbers_are_spelled_alike_under_every_culture()
    {
        ThroughputSample[] samples = [new(0.015, 1_234_567), new(0.025, 7_654_321)];
        string expected = ThroughputPicture.Draw("t", samples, []);
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
            comma.NumberFormat.NumberDecimalSeparator = ",";
            CultureInfo.CurrentCulture = comma;
            Assert.Equal(expected, ThroughputPicture.Draw("t", samples, []));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    private static string[] Points(XElement root) =>
        ((string)root.Element(Svg + "polyline")!.Attribute("points")!).Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
