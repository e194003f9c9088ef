// The client's behaviour when connections break or no server is running.

import ClinicClient
import ClinicMessages
import RPC
import Synchronization
import TestCleanup
import Testing

@Suite struct ReconnectionTests {
    private let clinic: TestClinic

    init() throws {
        clinic = try TestClinic()
    }

    private func client(at address: Address, token: String? = "secret") -> ClinicClient {
        client(of: ServerAddresses(address), token: token)
    }

    private func client(of addresses: ServerAddresses, token: String? = "secret") -> ClinicClient {
        var configuration = ClinicClientConfiguration()
        configuration.timeout = .seconds(120)
        configuration.retryPolicy = RetryPolicy(
            initialBackoff: .milliseconds(1), maximumBackoff: .milliseconds(20))
        return ClinicClient(addresses: addresses, token: token, configuration: configuration)
    }

    private func listDoctors(_ client: ClinicClient) async throws {
        _ = try await client.call(DoctorServiceMethods.listDoctors, ListDoctorsRequest())
    }

    @Test func `a payment whose response was lost is retried with the same key`() async throws {
        try await clinic.serving { methods in
            methods.on(PaymentServiceMethods.payBooking) { request, _ in Transaction(id: request.bookingID) }
        } during: {
            let relay = try await Relay(before: clinic, losingResponses: 2)
            try await withCleanup(relay.stop) {
                let paid = try await client(at: relay.address)
                    .call(PaymentServiceMethods.payBooking, PayBookingRequest(bookingID: 7))
                #expect(paid.id == 7)
                #expect(clinic.arrivals.count == 3)
                #expect(Set(clinic.arrivals.map(\.keys)).count == 1)
                #expect(Set(clinic.arrivals.map(\.connection)).count == 3)
            }
        }
    }

    @Test func `a sign-up whose response was lost is not retried`() async throws {
        try await clinic.serving { methods in
            methods.on(UserServiceMethods.createUser) { _, _ in User(id: 1) }
        } during: {
            let relay = try await Relay(before: clinic, losingResponses: 1)
            try await withCleanup(relay.stop) {
                let client = client(at: relay.address)
                let failure = await #expect(throws: Status.self) {
                    try await client.call(UserServiceMethods.createUser, CreateUserRequest())
                }
                #expect(failure?.code == .unavailable)
                #expect(failure?.transportFailure == .outcomeUnknown)
                #expect(clinic.arrivals.count == 1)
            }
        }
    }

    @Test func `a server restart between two calls goes unnoticed`() async throws {
        let client = client(at: clinic.address)
        for round in 1...3 {
            try await clinic.serving { methods in
                methods.on(PaymentServiceMethods.payBooking) { _, _ in Transaction(id: 9) }
            } during: {
                _ = try await client.call(PaymentServiceMethods.payBooking, PayBookingRequest(bookingID: 7))
                #expect(clinic.arrivals.count == round)
            }
        }
    }

    @Test func `a call made before the server starts waits for it`() async throws {
        let client = client(at: clinic.address)
        let user = Task { try await client.call(UserServiceMethods.createUser, CreateUserRequest()) }
        try await clinic.serving { methods in
            methods.on(UserServiceMethods.createUser) { _, _ in User(id: 1) }
        } during: {
            let user = try await user.value
            #expect(user.id == 1)
        }
    }

    @Test func `a missing server causes UNAVAILABLE within the timeout`() async throws {
        let client = client(at: clinic.address)
        let start = ContinuousClock.now
        let failure = await #expect(throws: Status.self) {
            let options = CallOptions(timeout: .milliseconds(100))
            return try await client.call(
                DoctorServiceMethods.listDoctors, ListDoctorsRequest(), options: options)
        }
        #expect(failure?.code == .unavailable)
        // Far below the backoff of further attempts, far above the delays of a busy machine.
        #expect(start.duration(to: .now) < .seconds(60))
    }

    @Test func `an address that nobody listens at is passed over`() async throws {
        try await clinic.serving { methods in
            methods.on(DoctorServiceMethods.listDoctors) { _, _ in ListDoctorsResponse() }
        } during: {
            let addresses = try ServerAddresses(
                parsing: "unix:\(clinic.directory)/absent.sock,\(clinic.address)")
            let client = client(of: addresses)
            try await listDoctors(client)
            try await listDoctors(client)
            #expect(Set(clinic.arrivals.map(\.connection)).count == 1)
        }
    }

    @Test func `a client of two servers moves to the other when its own ends, and back`() async throws {
        let other = try TestClinic()
        let client = client(of: try ServerAddresses(parsing: "\(clinic.address),\(other.address)"))
        for (round, server) in [clinic, other, clinic].enumerated() {
            try await server.serving { methods in
                methods.on(DoctorServiceMethods.listDoctors) { _, _ in ListDoctorsResponse() }
            } during: {
                try await listDoctors(client)
                #expect(clinic.arrivals.count + other.arrivals.count == round + 1)
            }
        }
        #expect(other.arrivals.count == 1)
    }

    @Test func `where no address answers the failure names each`() async throws {
        let paths = ["one", "two"].map { "unix:\(clinic.directory)/\($0).sock" }
        let client = client(of: try ServerAddresses(parsing: paths.joined(separator: ",")))
        let failure = await #expect(throws: Status.self) {
            let options = CallOptions(timeout: .milliseconds(100))
            return try await client.call(
                DoctorServiceMethods.listDoctors, ListDoctorsRequest(), options: options)
        }
        for path in paths { #expect(failure?.message.contains(path) == true) }
    }

    @Test(arguments: [
        ("unix:/run/clinic.sock", ["unix:/run/clinic.sock"]),
        ("unix:/run/a,b.sock,tcp:[::1]:7411", ["unix:/run/a,b.sock", "tcp:[::1]:7411"]),
        ("tls:one:7412,tls:two:7412", ["tls:one:7412", "tls:two:7412"]),
    ])
    func `addresses are read with commas between them`(text: String, all: [String]) throws {
        let addresses = try ServerAddresses(parsing: text)
        #expect(addresses.all.map(\.description) == all)
        #expect(addresses.description == text)
    }

    @Test(arguments: ["", "tcp:one:7411,", "tcp:one:7411,two:7411", ",tcp:one:7411"])
    func `a list with a bad address is refused`(text: String) {
        #expect(throws: AddressError.self) { try ServerAddresses(parsing: text) }
    }

    @Test func `a closed client rejects calls`() async throws {
        let client = client(at: clinic.address)
        await client.close()
        let failure = await #expect(throws: Status.self) {
            try await client.call(DoctorServiceMethods.listDoctors, ListDoctorsRequest())
        }
        #expect(failure?.code == .failedPrecondition)
    }
}
