// What the client adds to a call, tested against a real server in this process.

import ClinicClient
import ClinicMessages
import ProtobufC
import RPC
import RPCMessages
import Testing

@Suite struct ClinicClientTests {
    private let clinic: TestClinic

    init() throws {
        clinic = try TestClinic()
    }

    /// A client that retries after short pauses.
    private func client(attempts: Int = 8, token: String? = "secret") -> ClinicClient {
        var configuration = ClinicClientConfiguration()
        configuration.timeout = .seconds(120)
        configuration.retryPolicy = RetryPolicy(
            maximumAttempts: attempts, initialBackoff: .milliseconds(1), maximumBackoff: .milliseconds(20))
        return ClinicClient(address: clinic.address, token: token, configuration: configuration)
    }

    private static let unavailable = Status(.unavailable, "not now")

    @Test func `the token is sent with every call except sign-up and login`() async throws {
        try await clinic.serving { methods in
            methods.on(UserServiceMethods.login) { _, _ in LoginResponse(token: "secret") }
            methods.on(UserServiceMethods.createUser) { _, _ in User() }
            methods.on(UserServiceMethods.listUsers) { _, _ in ListUsersResponse() }
            methods.on(HealthMethods.check) { _, _ in HealthCheckResponse(status: .serving) }
        } during: {
            let client = client()
            _ = try await client.call(UserServiceMethods.login, LoginRequest())
            _ = try await client.call(UserServiceMethods.createUser, CreateUserRequest())
            _ = try await client.call(
                UserServiceMethods.createUser, CreateUserRequest(), options: CallOptions(sendsToken: true))
            _ = try await client.call(UserServiceMethods.listUsers, ListUsersRequest())
            _ = try await client.call(HealthMethods.check, HealthCheckRequest())
            client.token = nil
            _ = try await client.call(UserServiceMethods.listUsers, ListUsersRequest())

            let sentTokens = clinic.arrivals.map { $0.metadata["authorization"] }
            #expect(sentTokens == [[], [], ["Bearer secret"], ["Bearer secret"], ["Bearer secret"], []])
        }
    }

    @Test func `an authenticated change has its own idempotency key, a read and a sign-up have none`()
        async throws
    {
        try await clinic.serving { methods in
            methods.on(PaymentServiceMethods.payBooking) { _, _ in Transaction() }
            methods.on(BookingServiceMethods.listMyBookings) { _, _ in ListMyBookingsResponse() }
            methods.on(UserServiceMethods.createUser) { _, _ in User() }
        } during: {
            let client = client()
            let pay = PayBookingRequest(bookingID: 7)
            _ = try await client.call(PaymentServiceMethods.payBooking, pay)
            _ = try await client.call(PaymentServiceMethods.payBooking, pay)
            _ = try await client.call(
                PaymentServiceMethods.payBooking, pay, options: CallOptions(idempotencyKey: "mine"))
            _ = try await client.call(BookingServiceMethods.listMyBookings, ListMyBookingsRequest())
            _ = try await client.call(UserServiceMethods.createUser, CreateUserRequest())

            let keys = clinic.arrivals.map(\.keys)
            let hexadecimal = Set("0123456789abcdef")
            #expect(keys[0].count == 1 && keys[1].count == 1 && keys[0] != keys[1])
            #expect(keys[0].allSatisfy { $0.count == 32 && $0.allSatisfy(hexadecimal.contains) })
            #expect(Array(keys[2...]) == [["mine"], [], []])
        }
    }

    @Test func `a read that fails with UNAVAILABLE twice succeeds at the third attempt`() async throws {
        try await clinic.serving { methods in
            methods.on(BookingServiceMethods.listMyBookings) { _, arrivals in
                guard arrivals > 2 else { throw Self.unavailable }
                return ListMyBookingsResponse(bookings: [Booking(id: 7)])
            }
        } during: {
            let response = try await client().call(
                BookingServiceMethods.listMyBookings, ListMyBookingsRequest())
            #expect(response.bookings.map(\.id) == [7])
            #expect(clinic.arrivals.count == 3)
        }
    }

    @Test func `a change is retried with one key for all attempts`() async throws {
        try await clinic.serving { methods in
            methods.on(PaymentServiceMethods.payBooking) { _, arrivals in
                guard arrivals > 2 else { throw Self.unavailable }
                return Transaction(id: 9)
            }
        } during: {
            let paid = try await client().call(
                PaymentServiceMethods.payBooking, PayBookingRequest(bookingID: 7))
            #expect(paid.id == 9)
            #expect(clinic.arrivals.count == 3)
            #expect(Set(clinic.arrivals.map(\.keys)).count == 1)
        }
    }

    @Test func `a change without a key is not retried when it may have been executed`() async throws {
        try await clinic.serving { methods in
            methods.on(UserServiceMethods.createUser) { _, _ in throw Self.unavailable }
        } during: {
            let options = CallOptions(idempotencyKey: "unauthenticated")
            for options in [CallOptions(), options] {
                await #expect(throws: Self.unavailable) {
                    try await client().call(
                        UserServiceMethods.createUser, CreateUserRequest(), options: options)
                }
            }
            #expect(clinic.arrivals.count == 2)
        }
    }

    @Test func `a permanent failure is not retried`() async throws {
        let failure = Status(.alreadyExists, "taken", reason: "SLOT_TAKEN", domain: "clinic.v1")
        try await clinic.serving { methods in
            methods.on(BookingServiceMethods.bookAppointment) { _, _ in throw failure }
        } during: {
            await #expect(throws: failure) {
                try await client().call(BookingServiceMethods.bookAppointment, BookAppointmentRequest())
            }
            #expect(clinic.arrivals.count == 1)
        }
    }

    @Test func `the number of attempts is limited, and the last failure is thrown`() async throws {
        try await clinic.serving { methods in
            methods.on(BookingServiceMethods.listBookings) { _, arrivals in
                throw Status(.unavailable, "attempt \(arrivals)")
            }
        } during: {
            await #expect(throws: Status(.unavailable, "attempt 4")) {
                try await client(attempts: 4).call(BookingServiceMethods.listBookings, ListBookingsRequest())
            }
        }
    }

    @Test func `a retry delay beyond the deadline fails the call at once`() async throws {
        let busy = Self.unavailable.adding(RPCRetryInfo(retryDelay: ProtobufDuration(seconds: .max)))
        try await clinic.serving { methods in
            methods.on(BookingServiceMethods.listBookings) { _, _ in throw busy }
        } during: {
            await #expect(throws: busy) {
                try await client().call(BookingServiceMethods.listBookings, ListBookingsRequest())
            }
            #expect(clinic.arrivals.count == 1)
        }
    }

    @Test func `a call to a handler that never responds ends at the deadline`() async throws {
        try await clinic.serving { methods in
            methods.on(BookingServiceMethods.listBookings) { _, _ in
                try await Task.sleep(for: .seconds(3_600))
                return ListBookingsResponse()
            }
        } during: {
            let start = ContinuousClock.now
            let options = CallOptions(timeout: .milliseconds(100))
            let failure = await #expect(throws: Status.self) {
                try await client().call(
                    BookingServiceMethods.listBookings, ListBookingsRequest(), options: options)
            }
            #expect(failure?.code == .deadlineExceeded)
            #expect(start.duration(to: .now) < .seconds(600))
        }
    }

    @Test func `concurrent calls share one connection`() async throws {
        try await clinic.serving { methods in
            methods.on(DoctorServiceMethods.listDoctors) { request, _ in
                ListDoctorsResponse(doctors: [Doctor(id: request.departmentID)])
            }
        } during: {
            let client = client()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...64 as ClosedRange<Int64> {
                    group.addTask {
                        let response = try await client.call(
                            DoctorServiceMethods.listDoctors, ListDoctorsRequest(departmentID: number))
                        #expect(response.doctors.map(\.id) == [number])
                    }
                }
                try await group.waitForAll()
            }
            #expect(Set(clinic.arrivals.map(\.connection)).count == 1)
        }
    }

    @Test func `all pages are combined into one response`() async throws {
        try await clinic.serving { methods in
            methods.on(UserServiceMethods.listUsers) { request, _ in
                let page = Int64(request.pageToken) ?? 1
                return ListUsersResponse(
                    users: [User(id: page)], nextPageToken: page < 3 ? "\(page + 1)" : "")
            }
        } during: {
            let response = try await client().callForAllPages(
                UserServiceMethods.listUsers, ListUsersRequest())
            #expect(response.users.map(\.id) == [1, 2, 3])
            #expect(response.nextPageToken.isEmpty)
        }
    }

    @Test func `a list with a repeated page token is an error`() async throws {
        try await clinic.serving { methods in
            methods.on(UserServiceMethods.listUsers) { _, _ in ListUsersResponse(nextPageToken: "again") }
        } during: {
            let failure = await #expect(throws: Status.self) {
                _ = try await client().callForAllPages(UserServiceMethods.listUsers, ListUsersRequest())
            }
            #expect(failure?.code == .internal)
        }
    }
}
