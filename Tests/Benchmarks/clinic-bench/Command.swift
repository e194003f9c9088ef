// The load client of `make bench`, a process of its own: it costs as little as it can, because on a small machine
// what it uses is taken from the server that it measures. Tests/Benchmarks/run starts it and reads what it prints.

internal import ArgumentParser

/// The two ends of a measurement: a client that keeps a server busy, and the barest server to compare with.
@main
struct Command: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clinic-bench", abstract: "Measure calls per second.",
        subcommands: [LoadCommand.self, EchoCommand.self])
}

/// What ends a command, in one line.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
