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
        var configuration = ClinicClientConfiguration()
        configuration.timeout = .seconds(120)
        configuration.retryPolicy = RetryPolicy(
            maximumAttempts: 1000, initialBackoff: .milliseconds(1), maximumBackoff: .milliseconds(20))
        return ClinicClient(address: address, token: token, configuration: configuration)
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

    @Test func `a closed client rejects calls`() async throws {
        let client = client(at: clinic.address)
        await client.close()
        let failure = await #expect(throws: Status.self) {
            try await client.call(DoctorServiceMethods.listDoctors, ListDoctorsRequest())
        }
        #expect(failure?.code == .failedPrecondition)
    }
}
