// What the shell completes: the values of the schema, and the numbers that the server has at the moment.

internal import ArgumentParser
internal import ClinicClient
internal import ClinicMessages
internal import Dispatch
internal import ProtobufC
internal import Synchronization

extension CompletionKind {
    /// The values of an enumeration.
    static func values<Value: MessageEnumeration>(of type: Value.Type) -> CompletionKind {
        .list(names(of: type))
    }

    /// The methods of the schema.
    static var methods: CompletionKind { .list(Schema.methods.map(\.shortPath)) }

    static var doctors: CompletionKind { numbers(DoctorServiceMethods.listDoctors) { $0.id } }

    static var departments: CompletionKind { numbers(DepartmentServiceMethods.listDepartments) { $0.id } }

    /// The bookings of whoever is signed in.
    static var bookings: CompletionKind { numbers(BookingServiceMethods.listMyBookings) { $0.id } }

    /// The payments that whoever is signed in may see.
    static var transactions: CompletionKind { numbers(PaymentServiceMethods.listTransactions) { $0.id } }

    /// The numbers of what a list begins with.
    private static func numbers<Request: PageRequest, Response: PageResponse>(
        _ method: Method<Request, Response>, _ number: @escaping @Sendable (Response.Item) -> Int64
    ) -> CompletionKind {
        .custom { _, _, _ in
            LiveNumbers.list { client in
                var request = Request()
                request.pageSize = 200
                return try await client.call(method, request).items.map(number)
            }
        }
    }
}

/// Numbers of what the server has.
private enum LiveNumbers {
    private final class Found: Sendable {
        let numbers = Mutex<[String]>([])
    }

    /// The numbers as text; none if the server does not answer at once, because the shell waits. ArgumentParser takes
    /// asynchronous completions only of commands that it runs itself, so this thread waits.
    static func list(_ numbers: @escaping @Sendable (ClinicClient) async throws -> [Int64]) -> [String] {
        let found = Found()
        let end = DispatchSemaphore(value: 0)
        Task.detached {
            let numbers = (try? await call(numbers)) ?? []
            found.numbers.withLock { $0 = numbers }
            end.signal()
        }
        end.wait()
        return found.numbers.withLock { $0 }
    }

    private static func call(
        _ numbers: @Sendable (ClinicClient) async throws -> [Int64]
    ) async throws -> [String] {
        var console = try Console.standard()
        console.writeError = { _ in }
        var options = try ConnectionOptions.parse([])
        options.timeout = .seconds(2)
        let remote = try await RemoteServer(options, console).withRenewedSession(console)
        return try await remote.perform { try await numbers(remote.client) }.map(String.init)
    }
}
