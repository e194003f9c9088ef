// Every mutation of the schema under a key: the same call again is answered with the same bytes and does nothing, also
// after the world has changed so that it would be refused today; another call under that key is refused.

import ClinicMessages
import ClinicService
import Foundation
import PostgreSQL
import ProtobufC
import TTRPC
import TTRPCMessages
import TestCluster
import Testing

/// One mutation: a call that has an effect, and what happens after it.
struct KeyedCase: Sendable, CustomTestStringConvertible {
    let service: String
    let method: String
    let session: Session
    let payload: [UInt8]
    /// Changes the world.
    let afterwards: @Sendable () async throws -> Void

    init<Request, Response>(
        _ method: ProtobufC.Method<Request, Response>, by session: Session, _ request: Request,
        afterwards: @escaping @Sendable () async throws -> Void = {}
    ) {
        service = method.service
        self.method = method.name
        self.session = session
        payload = request.encoded()
        self.afterwards = afterwards
    }

    var testDescription: String { method }

    func call(key: String, more: [UInt8] = []) async throws -> [UInt8] {
        try await session.client.call(
            service: service, method: method, payload: payload + more,
            metadata: ["authorization": "Bearer \(session.token ?? "")", "idempotency-key": key])
    }
}

@Suite struct IdempotencyTests {
    private static let shared = Task { try await RefusalScene() }

    /// A field that no message has: another request, with the same meaning.
    private static let unknownField: [UInt8] = [0xC0, 0x3E, 0x01]

    /// Makes the case of each mutation, each on things of its own.
    private static let cases: [String: @Sendable (RefusalScene) async throws -> KeyedCase] = [
        "CreateUser": { scene in
            KeyedCase(
                UserServiceMethods.createUser, by: scene.administrator,
                CreateUserRequest(
                    firstName: "Key", lastName: "Holder", email: "key\(scene.clinic.next())@example.org",
                    password: "long enough"))
        },
        "CreateDepartment": { scene in
            KeyedCase(
                DepartmentServiceMethods.createDepartment, by: scene.administrator,
                CreateDepartmentRequest(
                    departmentName: "Keys \(scene.clinic.next())", operatingStartHour: "09:00",
                    operatingEndHour: "17:00"))
        },
        "UpdateDepartment": { scene in
            let department = try await department(scene)
            return KeyedCase(
                DepartmentServiceMethods.updateDepartment, by: scene.administrator,
                UpdateDepartmentRequest(
                    departmentID: department.id, department: Department(operatingEndHour: "18:00"),
                    etag: department.etag)
            ) {
                try await scene.administrator.call(
                    DepartmentServiceMethods.deleteDepartment,
                    DeleteDepartmentRequest(departmentID: department.id))
            }
        },
        "DeleteDepartment": { scene in
            KeyedCase(
                DepartmentServiceMethods.deleteDepartment, by: scene.administrator,
                DeleteDepartmentRequest(departmentID: try await department(scene).id))
        },
        "RegisterDoctor": { scene in
            KeyedCase(
                DoctorServiceMethods.registerDoctor, by: scene.administrator,
                RegisterDoctorRequest(
                    departmentID: scene.doctor.department?.id ?? 0, fullName: "Dr Key",
                    registrationNumber: "K\(scene.clinic.next())", registrationExpiry: "2099-01-01",
                    consultationFee: Money(minorUnits: 100)))
        },
        "UpdateDoctor": { scene in
            let doctor = try await scene.newDoctor()
            return KeyedCase(
                DoctorServiceMethods.updateDoctor, by: scene.administrator,
                UpdateDoctorRequest(
                    doctorID: doctor.id, doctor: Doctor(fullName: "Dr New"), etag: doctor.etag)
            ) {
                try await scene.administrator.call(
                    DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctor.id))
            }
        },
        "DeleteDoctor": { scene in
            KeyedCase(
                DoctorServiceMethods.deleteDoctor, by: scene.administrator,
                DeleteDoctorRequest(doctorID: try await scene.newDoctor().id))
        },
        "BookAppointment": { scene in
            let (doctor, patient) = (try await scene.newDoctor(), try await scene.clinic.signUp())
            return KeyedCase(
                BookingServiceMethods.bookAppointment, by: patient,
                BookAppointmentRequest(
                    doctorID: doctor.id, time: .bookingDateTime(try scene.clinic.dateTime()))
            ) {
                let booking = try await patient.call(
                    BookingServiceMethods.listMyBookings, ListMyBookingsRequest()
                ).bookings[0]
                try await patient.call(
                    BookingServiceMethods.deleteBooking, DeleteBookingRequest(bookingID: booking.id))
                try await scene.administrator.call(
                    DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctor.id))
            }
        },
        "UpdateBookingStatus": { scene in
            let (patient, booking) = try await booking(scene)
            return KeyedCase(
                BookingServiceMethods.updateBookingStatus, by: patient,
                UpdateBookingStatusRequest(bookingID: booking.id, status: .cancelled, etag: booking.etag)
            ) {
                try await patient.call(
                    BookingServiceMethods.deleteBooking, DeleteBookingRequest(bookingID: booking.id))
            }
        },
        "DeleteBooking": { scene in
            let (patient, booking) = try await booking(scene)
            return KeyedCase(
                BookingServiceMethods.deleteBooking, by: patient, DeleteBookingRequest(bookingID: booking.id))
        },
        "PayBooking": { scene in
            let (patient, booking) = try await booking(scene)
            return KeyedCase(
                PaymentServiceMethods.payBooking, by: patient, PayBookingRequest(bookingID: booking.id)
            ) {
                try await patient.call(
                    BookingServiceMethods.deleteBooking, DeleteBookingRequest(bookingID: booking.id))
            }
        },
        "RefundTransaction": { scene in
            let (patient, booking) = try await booking(scene)
            let transaction = try await patient.pay(booking)
            return KeyedCase(
                PaymentServiceMethods.refundTransaction, by: scene.administrator,
                RefundTransactionRequest(transactionID: transaction.id, amount: Money(minorUnits: 12_345))
            ) {
                try await scene.administrator.call(
                    PaymentServiceMethods.deleteTransaction,
                    DeleteTransactionRequest(transactionID: transaction.id))
            }
        },
        "DeleteTransaction": { scene in
            let (patient, booking) = try await booking(scene)
            return KeyedCase(
                PaymentServiceMethods.deleteTransaction, by: scene.administrator,
                DeleteTransactionRequest(transactionID: try await patient.pay(booking).id))
        },
    ]

    private static func department(_ scene: RefusalScene) async throws -> Department {
        try await scene.administrator.call(
            DepartmentServiceMethods.createDepartment,
            CreateDepartmentRequest(
                departmentName: "Keyed \(scene.clinic.next())", operatingStartHour: "09:00",
                operatingEndHour: "17:00"))
    }

    private static func booking(_ scene: RefusalScene) async throws -> (Session, Booking) {
        let patient = try await scene.clinic.signUp()
        return (patient, try await patient.book(scene.newDoctor(), at: scene.clinic.dateTime()))
    }

    private func events(_ scene: RefusalScene) async throws -> Int64 {
        try await scene.clinic.count("select count(*) from clinic.event")
    }

    @Test(arguments: cases.keys.sorted())
    func `a used key answers before anything else is looked at`(_ method: String) async throws {
        let scene = try await Self.shared.value
        let keyed = try #require(try await Self.cases[method]?(scene))
        let key = "\(method) \(scene.clinic.next())"
        let first = try await keyed.call(key: key)
        #expect(try await keyed.call(key: key) == first)
        try await keyed.afterwards()
        #expect(try await keyed.call(key: key) == first)

        let written = """
            select count(*) from clinic.idempotency_key where user_id = $1 and key = $2
            """
        #expect(
            try await scene.clinic.count(written, [.int64(keyed.session.userID), .text(key)]) == 1)
        let otherRequest = try await status {
            _ = try await keyed.call(key: key, more: Self.unknownField)
        }
        #expect(otherRequest?.code == .invalidArgument)
        #expect(otherRequest?.errorInfo?.reason == "KEY_REUSED")
        let otherMethod = try await status {
            if method == "PayBooking" {
                try await keyed.session.call(
                    BookingServiceMethods.deleteBooking, DeleteBookingRequest(bookingID: 1), key: key)
            } else {
                try await keyed.session.call(
                    PaymentServiceMethods.payBooking, PayBookingRequest(bookingID: 1), key: key)
            }
        }
        #expect(otherMethod?.errorInfo?.reason == "KEY_REUSED")
    }

    @Test func `every mutation of the schema is in the table`() {
        let mutations = ClinicMessages.allServices.flatMap { $0.methods }.filter(\.hasSideEffects).map(\.name)
        #expect(Set(mutations) == Set(Self.cases.keys))
    }

    @Test func `a repeated call writes no event`() async throws {
        let scene = try await RefusalScene()
        for (method, make) in Self.cases {
            let keyed = try await make(scene)
            _ = try await keyed.call(key: method)
            let before = try await events(scene)
            _ = try await keyed.call(key: method)
            #expect(try await events(scene) == before, "\(method)")
        }
        await scene.clinic.stop()
    }

    @Test func `keys older than a day are cleared away in bounded steps, younger ones answer`() async throws {
        let scene = try await RefusalScene()
        let patient = scene.patient
        let booking = try await patient.book(scene.doctor, at: scene.clinic.dateTime(), key: "young")
        let makeOld = """
            insert into clinic.idempotency_key (user_id, key, method, request_digest, answer, created_at)
            select $1, 'old ' || number, 'm', ''::bytea, '{}', now() - interval '24 hours 1 second'
            from generate_series(1, 40) as number
            """
        _ = try await scene.clinic.database.write(Statement(makeOld), [.int64(patient.userID)])
        _ = try await scene.clinic.database.write(
            Statement(
                """
                update clinic.idempotency_key set created_at = now() - interval '23 hours 59 minutes'
                where key = 'young'
                """), [])
        let old = "select count(*) from clinic.idempotency_key where key like 'old %'"
        var counts: [Int64] = []
        for _ in 0..<32 {
            _ = try await scene.clinic.signUp()
            counts.append(try await scene.clinic.count(old))
        }
        #expect(Set(counts).isSubset(of: [40, 8, 0]))
        #expect(counts[15] <= 8)
        #expect(counts.last == 0)
        #expect(try await patient.book(scene.doctor, at: scene.clinic.dateTime(), key: "young") == booking)
        await scene.clinic.stop()
    }
}
