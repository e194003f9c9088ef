// Commands that print one page of a list, or all pages.

internal import ArgumentParser
internal import ClinicClient
internal import ProtobufC
internal import RPC

/// The options of every list command.
struct PageOptions: ParsableArguments {
    @Option(help: "How many to print, at most 1000. [default: 50]")
    var pageSize: Int64?

    @Option(help: "The token of the page to print, shown after the previous page.")
    var pageToken: String?

    @Flag(help: "Print all pages.")
    var all = false
}

/// A command that calls a list method.
protocol ListCommand: RemoteCommand
where Request: PageRequest, Response: PageResponse, Response.Item: TableRow {
    var page: PageOptions { get }
    /// The request without page size and token.
    func filter(_ console: Console) throws -> Request
}

extension ListCommand {
    func request(_ console: Console) throws -> Request {
        var request = try filter(console)
        request.pageSize = page.pageSize ?? (page.all ? 1000 : 0)
        request.pageToken = page.pageToken ?? ""
        return request
    }

    func response(from client: ClinicClient, to request: Request) async throws(Status) -> Response {
        if page.all { return try await client.callForAllPages(Self.method, request) }
        return try await client.call(Self.method, request)
    }

    func finish(_ response: Response, _ remote: RemoteServer, _ console: Console) throws {
        guard remote.settings.output == .table else { return }
        if response.items.isEmpty { console.printError("nothing found") }
        if !response.nextPageToken.isEmpty {
            console.printError("more: " + NextPage.command(console.arguments, token: response.nextPageToken))
        }
    }
}

/// Builds the command for the next page.
enum NextPage {
    private static let option = "--page-token"

    /// The same command with another page token, quoted for a shell.
    static func command(_ arguments: [String], token: String) -> String {
        var kept: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == option {
                rest = rest.dropFirst()
            } else if !argument.hasPrefix(option + "=") {
                kept.append(argument)
            }
        }
        return (["clinic"] + kept + [option, token]).map(quoted).joined(separator: " ")
    }

    /// Quotes a word for a POSIX shell.
    private static func quoted(_ word: String) -> String {
        let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./:@,+%")
        if !word.isEmpty, word.allSatisfy(plain.contains) { return word }
        return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
            + "'"
    }
}
