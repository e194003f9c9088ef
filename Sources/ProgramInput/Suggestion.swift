// Finds the name that was probably meant.

/// Suggestions for misspelt names.
public enum Suggestion {
    /// `did you mean X?`, or the known names.
    public static func text(for name: String, among known: [String], _ kind: String) -> String {
        if let nearest = nearest(to: name, among: known) { return "did you mean \(nearest)?" }
        return "the \(kind) are \(known.joined(separator: ", "))"
    }

    /// The known name with the fewest edits, if these are at most a third of its letters.
    public static func nearest(to name: String, among known: [String]) -> String? {
        let name = name.lowercased()
        // Beyond this length nobody mistypes a name, and the comparison takes its square.
        guard name.count <= 64 else { return nil }
        let best = known.map { (name: $0, distance: distance($0.lowercased(), name)) }
            .min { $0.distance < $1.distance }
        return best.flatMap { $0.distance <= max(1, $0.name.count / 3) ? $0.name : nil }
    }

    /// The number of insertions, deletions, replacements and swaps of neighbours between two texts.
    public static func distance(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left), Array(right))
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for i in left.indices {
            var row = [i + 1]
            for j in right.indices {
                var best = min(last[j] + (left[i] == right[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    best = min(best, beforeLast[j - 1] + 1)
                }
                row.append(best)
            }
            (beforeLast, last) = (last, row)
        }
        return last[right.count]
    }
}
