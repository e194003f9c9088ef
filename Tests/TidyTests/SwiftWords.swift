// The words of a Swift file: enough of a lexer to tell code from comments and strings, and no more.

/// A name, a keyword or an attribute of a Swift file.
struct SwiftWord: Sendable {
    let text: String
    /// Counted from 1.
    let line: Int
    /// Whether it stands in a string; what a string interpolates does too.
    let isInString: Bool
    /// The byte that is not white space before it, or 0.
    let previousByte: UInt8
    /// The byte that is not white space after it, or 0.
    let nextByte: UInt8
}

/// Reads the words of a Swift file, without those of its comments.
func words(ofSwift text: String) -> [SwiftWord] {
    var reader = SwiftWordReader(bytes: Array(text.utf8))
    return reader.read()
}

private struct SwiftWordReader {
    let bytes: [UInt8]
    private var index = 0
    private var line = 1
    private var previous: UInt8 = 0
    private var words: [SwiftWord] = []

    init(bytes: [UInt8]) { self.bytes = bytes }

    private func byte(at index: Int) -> UInt8 { index < bytes.count ? bytes[index] : 0 }

    private static func isPartOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }

    mutating func read() -> [SwiftWord] {
        while index < bytes.count {
            let next = byte(at: index + 1)
            switch bytes[index] {
            case UInt8(ascii: "/") where next == UInt8(ascii: "/"): skipLine()
            case UInt8(ascii: "/") where next == UInt8(ascii: "*"): skipBlock()
            case UInt8(ascii: "#") where next == UInt8(ascii: "\"") || next == UInt8(ascii: "#"): readString()
            case UInt8(ascii: "\""): readString()
            case UInt8(ascii: "`"): readQuotedName()
            case let first where Self.isPartOfName(first): readWord(isInString: false)
            default: step()
            }
        }
        return words
    }

    private mutating func step() {
        let byte = bytes[index]
        if byte == UInt8(ascii: "\n") {
            line += 1
        } else if byte != UInt8(ascii: " ") {
            previous = byte
        }
        index += 1
    }

    private mutating func skipLine() {
        while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { index += 1 }
    }

    private mutating func skipBlock() {
        var depth = 0
        repeat {
            if byte(at: index) == UInt8(ascii: "/"), byte(at: index + 1) == UInt8(ascii: "*") {
                depth += 1
                index += 2
            } else if byte(at: index) == UInt8(ascii: "*"), byte(at: index + 1) == UInt8(ascii: "/") {
                depth -= 1
                index += 2
            } else {
                if byte(at: index) == UInt8(ascii: "\n") { line += 1 }
                index += 1
            }
        } while depth > 0 && index < bytes.count
    }

    /// A name in backticks that is no sentence counts as the name.
    private mutating func readQuotedName() {
        let start = index + 1
        index = start
        while index < bytes.count, bytes[index] != UInt8(ascii: "`") { index += 1 }
        let name = bytes[start..<min(index, bytes.count)]
        index += 1
        if name.allSatisfy(Self.isPartOfName) { append(name, isInString: false) }
        previous = UInt8(ascii: "`")
    }

    private mutating func readWord(isInString: Bool) {
        let start = index
        while index < bytes.count, Self.isPartOfName(bytes[index]) { index += 1 }
        append(bytes[start..<index], isInString: isInString)
    }

    private mutating func append(_ name: ArraySlice<UInt8>, isInString: Bool) {
        var after = index
        while byte(at: after) == UInt8(ascii: " ") || byte(at: after) == UInt8(ascii: "\n") { after += 1 }
        words.append(
            SwiftWord(
                text: String(decoding: name, as: UTF8.self), line: line, isInString: isInString,
                previousByte: previous, nextByte: byte(at: after)))
        previous = name.last ?? 0
    }

    /// A string of any form, up to its own delimiter; the words of interpolations are among its words.
    private mutating func readString() {
        var hashes = 0
        while byte(at: index) == UInt8(ascii: "#") {
            hashes += 1
            index += 1
        }
        guard byte(at: index) == UInt8(ascii: "\"") else { return }
        let quotes =
            byte(at: index + 1) == UInt8(ascii: "\"") && byte(at: index + 2) == UInt8(ascii: "\"") ? 3 : 1
        index += quotes
        var depth = 0
        while index < bytes.count {
            let current = bytes[index]
            if depth == 0, isDelimiter(quotes, hashes) {
                index += quotes + hashes
                break
            }
            if current == UInt8(ascii: "\\") {
                var after = index + 1
                while hashes > 0, byte(at: after) == UInt8(ascii: "#") { after += 1 }
                if byte(at: after) == UInt8(ascii: "("), after - index - 1 == hashes {
                    depth += 1
                    index = after + 1
                } else {
                    index += hashes == 0 ? 2 : 1
                }
            } else if depth > 0, current == UInt8(ascii: "\"") {
                readString()
            } else if Self.isPartOfName(current) {
                readWord(isInString: true)
            } else {
                if depth > 0, current == UInt8(ascii: "(") { depth += 1 }
                if depth > 0, current == UInt8(ascii: ")") { depth -= 1 }
                if current == UInt8(ascii: "\n") { line += 1 }
                index += 1
            }
        }
        previous = UInt8(ascii: "\"")
    }

    private func isDelimiter(_ quotes: Int, _ hashes: Int) -> Bool {
        for offset in 0..<quotes where byte(at: index + offset) != UInt8(ascii: "\"") { return false }
        for offset in 0..<hashes where byte(at: index + quotes + offset) != UInt8(ascii: "#") { return false }
        return true
    }
}

extension SourceTree {
    /// The words of every Swift file that people write, in the order of `swift`.
    static let words = swift.map { TidyTests.words(ofSwift: $0.text) }
}
