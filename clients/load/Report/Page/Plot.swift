// A plot as SVG in the page's colours, so that it follows the light or dark scheme. Its legend is HTML, which wraps
// long names.

/// Lines or stacked areas between two axes.
struct Plot {
    /// How a series is drawn.
    enum Kind {
        case line
        /// Stacked on the previous series.
        case area
    }

    struct Series {
        var name: String
        /// The index of the colour in the style sheet, from 1.
        var colour: Int
        /// The index of the dashes in the style sheet; 0 is a solid line.
        var dashes = 0
        var kind = Kind.line
        var points: [(x: Double, y: Double)]
    }

    var title: String
    /// A description for screen readers.
    var caption: String
    var x: Axis
    var y: Axis
    var series: [Series]
    /// The range of the x axis that is not measured.
    var shaded: ClosedRange<Double>?
    /// The positions on the x axis where the load changes.
    var marks: [Double] = []

    private static let (width, height) = (600.0, 300.0)
    /// The most positions whose values are shown.
    private static let maximumStrips = 120
    private static let (left, right, top, bottom) = (70.0, 16.0, 10.0, 44.0)

    /// The plot as an HTML figure.
    var html: String {
        var legend = series.map {
            "<span><i class=\"k\($0.colour) d\($0.dashes)\"></i>\(escaped($0.name))</span>"
        }
        if shaded != nil { legend.append("<span><i class=\"warm\"></i>warm-up</span>") }
        return """
            <figure>
            <figcaption>\(escaped(title))</figcaption>
            <div class="legend">\(legend.joined())</div>
            <svg viewBox="0 0 600 300" role="img" aria-label="\(escaped(caption))" xmlns="http://www.w3.org/2000/svg">
            \(shadedArea)\(yAxis)\(xAxis)\(markLines)\(content)\(values)
            </svg>
            </figure>

            """
    }

    private var shadedArea: String {
        guard let shaded else { return "" }
        let (from, to) = (across(shaded.lowerBound), across(shaded.upperBound))
        return "<rect class=\"warm\" x=\"\(text(from))\" y=\"\(text(Self.top))\" width=\"\(text(to - from))\""
            + " height=\"\(text(Self.height - Self.top - Self.bottom))\"/>\n"
    }

    private var yAxis: String {
        let lines = y.ticks.map { tick in
            let position = text(Self.height - Self.bottom - tick.position * plotHeight)
            return "<line class=\"grid\" x1=\"\(text(Self.left))\" x2=\"\(text(Self.width - Self.right))\""
                + " y1=\"\(position)\" y2=\"\(position)\"/>"
                + "<text class=\"end\" x=\"\(text(Self.left - 8))\" y=\"\(position)\" dy=\"4\">\(escaped(tick.label))</text>"
        }
        let middle = text(Self.top + plotHeight / 2)
        return lines.joined(separator: "\n")
            + "<text class=\"mid name\" transform=\"translate(14 \(middle)) rotate(-90)\">\(escaped(y.title))</text>\n"
    }

    private var xAxis: String {
        let base = Self.height - Self.bottom
        let lines = x.ticks.map { tick in
            let position = text(Self.left + tick.position * plotWidth)
            return
                "<line class=\"axis\" x1=\"\(position)\" x2=\"\(position)\" y1=\"\(text(base))\" y2=\"\(text(base + 4))\"/>"
                + "<text class=\"mid\" x=\"\(position)\" y=\"\(text(base + 18))\">\(escaped(tick.label))</text>"
        }
        return lines.joined(separator: "\n")
            + "<line class=\"axis\" x1=\"\(text(Self.left))\" x2=\"\(text(Self.width - Self.right))\" y1=\"\(text(base))\" y2=\"\(text(base))\"/>"
            + "<text class=\"mid name\" x=\"\(text(Self.left + plotWidth / 2))\" y=\"\(text(Self.height - 6))\">\(escaped(x.title))</text>\n"
    }

    private var markLines: String {
        marks.map {
            let position = text(across($0))
            return "<line class=\"mark\" x1=\"\(position)\" x2=\"\(position)\" y1=\"\(text(Self.top))\""
                + " y2=\"\(text(Self.height - Self.bottom))\"/>\n"
        }.joined()
    }

    /// The lines and areas of the series.
    private var content: String {
        var baseline: [Double] = []
        return series.map { series in
            switch series.kind {
            case .line:
                return
                    "<polyline class=\"line k\(series.colour) d\(series.dashes)\" points=\"\(points(series.points))\"/>"
            case .area:
                let below = baseline.isEmpty ? series.points.map { _ in 0 } : baseline
                baseline = zip(series.points, below).map { $0.y + $1 }
                let upper = zip(series.points, baseline).map { (x: $0.x, y: $1) }
                let lower = zip(series.points, below).map { (x: $0.x, y: $1) }.reversed()
                return "<polygon class=\"area k\(series.colour)\" points=\"\(points(upper + lower))\"/>"
            }
        }.joined(separator: "\n")
    }

    /// The values under a reader's pointer: a strip for each position, which shows them as its title. No script is needed.
    private var values: String {
        guard let longest = series.max(by: { $0.points.count < $1.points.count })?.points, !longest.isEmpty
        else { return "" }
        let size = (longest.count + Self.maximumStrips - 1) / Self.maximumStrips
        let places = stride(from: 0, to: longest.count, by: size).map { longest[$0].x }
        return "\n"
            + places.indices.map { index in
                let (x, position) = (places[index], across(places[index]))
                let from = index > 0 ? (across(places[index - 1]) + position) / 2 : Self.left
                let to =
                    index + 1 < places.count
                    ? (position + across(places[index + 1])) / 2 : Self.width - Self.right
                let lines = series.compactMap { series -> String? in
                    let value = series.points.last { $0.x <= x } ?? series.points.first
                    return value.map { "\(series.name): \(y.text($0.y))" }
                }
                return
                    "<rect class=\"value\" x=\"\(text(from))\" y=\"\(text(Self.top))\" width=\"\(text(to - from))\""
                    + " height=\"\(text(plotHeight))\"><title>"
                    + ([self.x.text(x)] + lines).map(escaped).joined(separator: "\n") + "</title></rect>"
            }.joined(separator: "\n")
    }

    private var plotWidth: Double { Self.width - Self.left - Self.right }
    private var plotHeight: Double { Self.height - Self.top - Self.bottom }

    private func across(_ value: Double) -> Double { Self.left + x.place(value) * plotWidth }

    private func points(_ points: [(x: Double, y: Double)]) -> String {
        points.map {
            "\(text(across($0.x))),\(text(Self.height - Self.bottom - y.place($0.y) * plotHeight))"
        }.joined(separator: " ")
    }

    private func text(_ value: Double) -> String { decimal(value, places: 1, isGrouped: false) }
}
