// The report in files: where `--json`, `--csv` and `--html` put it, and how `clinic-load compare` reads one back.

internal import ArgumentParser
internal import FoundationEssentials

/// Which forms of the report are written, next to the text on standard output.
struct ReportOutputs: ParsableArguments {
    @Option(help: "Write the whole report into this file as JSON, which 'clinic-load compare' reads.")
    var json: String?

    @Option(help: "Write a row for each operation and status into this file.")
    var csv: String?

    @Option(help: "Write the report into this file as one page with plots.")
    var html: String?

    /// Writes the files, each all or nothing. Throws a `ReportFileError` for the first that cannot be written, after
    /// the others have been.
    func write(_ report: LoadReport) throws {
        var failure: (any Error)?
        for (path, make) in [
            (json, { try report.json() }), (csv, { Data(report.csv.utf8) }),
            (html, { Data(report.html.utf8) }),
        ] as [(String?, () throws -> Data)] {
            guard let path else { continue }
            do {
                try make().write(to: URL(filePath: path), options: .atomic)
            } catch {
                failure = failure ?? ReportFileError("cannot write \(path): \(reason(error))")
            }
        }
        if let failure { throw failure }
    }
}

/// A file that cannot be written, or is no report.
struct ReportFileError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension LoadReport {
    /// The most bytes of a file that is read.
    private static let maximumFileBytes = 256 << 20

    /// The JSON form: sorted keys, so that two reports can be compared line by line.
    func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }

    /// Reads a file that `--json` wrote. Throws a `ReportFileError`.
    static func read(_ path: String) throws -> LoadReport {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw ReportFileError("cannot read \(path): \(reason(error))")
        }
        guard data.count <= maximumFileBytes else {
            throw ReportFileError("\(path) is too long for a report")
        }
        let decoder = JSONDecoder()
        guard let header = try? decoder.decode(Header.self, from: data) else {
            throw ReportFileError("\(path) is no report of clinic-load; write one with --json")
        }
        guard header.format == currentFormat else {
            throw ReportFileError(
                "\(path) has the format \(header.format), and this program reads \(currentFormat): "
                    + (header.format > currentFormat
                        ? "read it with a newer clinic-load" : "run the load again"))
        }
        do {
            return try decoder.decode(LoadReport.self, from: data)
        } catch {
            throw ReportFileError("\(path) is a damaged report: \(reason(error))")
        }
    }

    /// What every version of the form has.
    private struct Header: Decodable {
        var format: Int
    }
}

/// What went wrong, in a few words.
private func reason(_ error: any Error) -> String {
    switch error {
    case let error as CocoaError:
        switch error.code {
        case .fileReadNoSuchFile, .fileNoSuchFile: "there is no such file or folder"
        case .fileReadNoPermission, .fileWriteNoPermission: "permission denied"
        default: (error.underlying as? POSIXError).map { "\($0.code)" } ?? "\(error.code)"
        }
    case DecodingError.keyNotFound(let key, _): "'\(key.stringValue)' is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
        DecodingError.dataCorrupted(let context):
        context.codingPath.isEmpty
            ? context.debugDescription
            : "at '\(context.codingPath.map(\.stringValue).joined(separator: "."))'"
    default: "\(error)"
    }
}
