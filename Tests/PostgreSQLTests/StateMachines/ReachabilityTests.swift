// The order in which the addresses of a URL are tried.

import Testing

@testable import PostgreSQL

struct ReachabilityTests {
    private let addresses = ["a", "b", "c"].map { ServerAddress(host: $0, port: "5432") }

    private func list() throws -> ServerList { try ServerList(["host": "a,b,c", "port": "5432"]) }

    @Test func `they are tried in their order, and the one that serves first`() throws {
        var state = ReachabilityState()
        let list = try list()
        #expect(state.plan(list, addresses) == addresses)
        state.connected(addresses[1], of: list, planned: addresses)
        #expect(state.plan(list, addresses).map(\.host) == ["b", "a", "c"])
        let other = try ServerList(["host": "a,b,c", "port": "1,2,3"])
        #expect(state.plan(other, addresses) == addresses)
    }

    @Test func `a silent one comes last, and one connection at a time tries it`() throws {
        var state = ReachabilityState()
        let list = try list()
        state.wasSilent(addresses[0])
        let first = state.plan(list, addresses)
        #expect(first.map(\.host) == ["b", "c", "a"])
        #expect(state.plan(list, addresses).map(\.host) == ["b", "c"])
        state.end(first)
        #expect(state.plan(list, addresses).map(\.host) == ["b", "c", "a"])
        state.answered(addresses[0])
        #expect(state.plan(list, addresses) == addresses)
    }

    @Test func `where all are silent, all are tried by everybody`() throws {
        var state = ReachabilityState()
        let list = try ServerList(["host": "a"])
        let only = [ServerAddress(host: "a", port: "")]
        state.wasSilent(only[0])
        for _ in 0..<3 { #expect(state.plan(list, only) == only) }
    }

    @Test(arguments: [
        (["host": "a,b", "port": "1,2"], "a:1 b:2"), (["host": "a,b", "port": "1"], "a:1 b:1"),
        (["host": "a"], "a:"), ([:], ":"), (["host": "", "hostaddr": "127.0.0.1"], ":"),
    ])
    func `hosts go with their ports`(given: [String: String], expected: String) throws {
        let found = try ServerList(given).addresses().map { "\($0.host):\($0.port)" }
        #expect(found.joined(separator: " ") == expected)
    }

    @Test func `hosts and ports that do not go together are refused`() {
        #expect(throws: DatabaseError.self) { try ServerList(["host": "a,b,c", "port": "1,2"]) }
        #expect(throws: DatabaseError.self) { try ServerList(["host": "a,b", "hostaddr": "127.0.0.1"]) }
    }

    @Test func `the limit of the URL counts, and several addresses get less time each than one`() throws {
        func limit(_ url: String, _ addresses: Int) throws -> Duration {
            try ConnectionParameters(DatabaseConfiguration(url: url), purpose: .reads)
                .attemptLimit(addresses: addresses)
        }
        #expect(try limit("postgresql://h/x", 1) == .seconds(5))
        #expect(try limit("postgresql://h,i/x", 2) == .seconds(3))
        #expect(try limit("postgresql://h,i/x?connect_timeout=9", 2) == .seconds(9))
        #expect(try limit("postgresql://h/x?connect_timeout=1", 1) == .seconds(2))
        #expect(try limit("postgresql://h/x?connect_timeout=0", 1) == .seconds(5))
    }
}
