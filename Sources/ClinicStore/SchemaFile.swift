// The SQL of the service, embedded in the program. Where a file lies says what it is: Schema/migrations changes tables,
// Schema/triggers holds the functions tables depend on, and types, views and functions make up the API schema.

/// A file of Schema/.
struct SchemaFile: Sendable {
    /// Its path below Schema/.
    let path: String
    /// What is in it.
    let text: String

    init(_ path: String, _ bytes: [UInt8]) {
        self.path = path
        text = String(decoding: bytes, as: UTF8.self)
    }

    /// What it defines: the name of the file without `.sql`.
    var name: String { String(path.split(separator: "/").last?.dropLast(4) ?? "") }

    /// The folder below Schema/ that it lies in, directly or deeper.
    var folder: Substring { path.prefix { $0 != "/" } }

    /// The files of these folders, by path.
    static func all(in folders: String...) -> [SchemaFile] {
        all.filter { folders.contains(String($0.folder)) }
    }

    /// The files of the API schema so that each comes after those whose names it contains outside of comments.
    static func inOrderOfDependence(_ files: [SchemaFile]) -> [SchemaFile] {
        let places = Dictionary(files.enumerated().map { ($0.element.name, $0.offset) }) { first, _ in first }
        let needed = files.map { file in
            Set(file.words.compactMap { places[$0] }).subtracting(places[file.name].map { [$0] } ?? [])
                .sorted()
        }
        var ordered: [SchemaFile] = []
        var isVisited = files.map { _ in false }
        func add(_ place: Int) {
            if isVisited[place] { return }
            isVisited[place] = true
            needed[place].forEach(add)
            ordered.append(files[place])
        }
        files.indices.forEach(add)
        return ordered
    }

    /// The identifiers outside of comments.
    private var words: Set<String> {
        var words: Set<String> = []
        for line in text.split(separator: "\n") {
            let code = line.firstRange(of: "--").map { line[..<$0.lowerBound] } ?? line
            for word in code.split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "_" }) {
                words.insert(String(word))
            }
        }
        return words
    }
}
