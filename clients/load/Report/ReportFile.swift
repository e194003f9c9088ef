// Report files: `--json`, `--csv` and `--html` write them, `clinic-load compare` reads JSON.

internal import ArgumentParser
internal import FoundationEssentials
internal import Glibc

/// The report files to write besides the text on standard output.
struct ReportOutputs: ParsableArguments {
    @Option(help: "Write the report to this file as JSON, for 'clinic-load compare'.")
    var json: String?

    @Option(help: "Write one row per operation and status to this file.")
    var csv: String?

    @Option(help: "Write the report to this file as one page with plots.")
    var html: String?

    /// Throws a `ReportFileError` if a file could not be written later, so that nobody waits for a run whose report is
    /// lost. A file that is there keeps its contents until then.
    func check() throws {
        for path in [json, csv, html].compactMap(\.self) {
            let existed = access(path, F_OK) == 0
            let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else {
                throw ReportFileError("cannot write \(path): \(String(cString: strerror(errno)))")
            }
            close(descriptor)
            if !existed { unlink(path) }
        }
    }

    /// Writes the files atomically. Throws a `ReportFileError` for the first that fails, after writing the others.
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

/// A file that cannot be written or is not a report.
struct ReportFileError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

extension LoadReport {
    /// The maximum size of a report file in bytes.
    private static let maximumFileBytes = 256 << 20

    /// The JSON form with sorted keys, so that two reports can be compared line by line.
    func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }

    /// Reads a report written with `--json`. Throws a `ReportFileError`.
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
            throw ReportFileError("\(path) is not a report of clinic-load; write one with --json")
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

    /// The part that every format version has.
    private struct Header: Decodable {
        var format: Int
    }
}

/// A short description of an error.
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
