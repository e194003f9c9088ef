// The access log: what is in it, what is not, and what a flood does to it.

import ClinicMessages
import ClinicStore
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import TTRPC
import TestWaiting
import Testing

@testable import ClinicService

@Suite struct AccessLogTests {
    /// The entries that match, oldest first, once there are so many, in short.
    private func entries(
        _ count: Int, _ administrator: Session, _ filter: ListAccessLogRequest
    ) async throws -> [String] {
        var found: [AccessLogEntry] = []
        try await eventually("\(count) entries") {
            found = try await administrator.call(AdminServiceMethods.listAccessLog, filter).entries
            // This call is noted too.
            if filter.userID != 0 { found.removeAll { $0.actorID == administrator.userID } }
            return found.count >= count
        }
        return found.map { entry in
            [
                "\(entry.actorID)", "\(entry.userID)",
                entry.method.replacing("clinic.v1.", with: ""), "\(entry.entity) \(entry.entityID)",
                entry.refusal,
            ].joined(separator: "|")
        }
    }

    @Test func `sign-ins, refused ones and token exchanges are in it with their account`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let patient = try await clinic.signUp()
            let email = try await patient.call(UserServiceMethods.getUser, GetUserRequest()).email
            let anonymous = try await clinic.connect()
            func logIn(_ email: String, _ password: String) async throws -> LoginResponse? {
                try? await anonymous.call(
                    UserServiceMethods.login, LoginRequest(email: email, password: password))
            }
            let session = try #require(try await logIn(email, TestClinic.password))
            _ = try await logIn(email, "wrong")
            _ = try await logIn("nobody@example.org", "wrong")
            _ = try await anonymous.call(
                UserServiceMethods.refreshToken, RefreshTokenRequest(refreshToken: session.refreshToken))
            _ = try? await anonymous.call(
                UserServiceMethods.refreshToken, RefreshTokenRequest(refreshToken: "not one"))
            let id = patient.userID
            #expect(
                try await entries(4, administrator, ListAccessLogRequest(userID: id)) == [
                    "0|\(id)|UserService/Login|user \(id)|", "0|\(id)|UserService/Login|user \(id)|",
                    "0|\(id)|UserService/Login|user \(id)|WRONG_CREDENTIALS",
                    "0|\(id)|UserService/RefreshToken|user \(id)|",
                ])
            let method = "clinic.v1.UserService/RefreshToken"
            #expect(
                try await entries(2, administrator, ListAccessLogRequest(method: method)).last
                    == "0|0|UserService/RefreshToken| 0|INVALID_TOKEN")
            let logins = try await entries(
                5, administrator, ListAccessLogRequest(method: "clinic.v1.UserService/Login"))
            #expect(logins.contains("0|0|UserService/Login| 0|WRONG_CREDENTIALS"))
            // The e-mail of somebody unknown may be a password in the wrong field.
            var row = try await clinic.database.read(
                Statement(
                    "select count(*) from clinic.access_log as entry where entry::text ~ 'example|wrong'"))[0]
            #expect(try row.int64() == 0)
        }
    }

    @Test func `every read of personal data by staff is in it, and no patient's own`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let patient = try await clinic.signUp()
            let doctor = try await clinic.doctor(by: administrator)
            let booking = try await patient.book(doctor, at: try clinic.dateTime())
            let payment = try await patient.pay(booking)
            let id = patient.userID

            // What the patient reads alone.
            _ = try await patient.call(UserServiceMethods.getUser, GetUserRequest())
            _ = try await patient.call(
                BookingServiceMethods.getBooking, GetBookingRequest(bookingID: booking.id))
            _ = try await Watch(of: patient)

            let own = administrator.userID
            var expected: [String] = []
            func read(_ method: String, _ user: Int64, _ subject: String, _ call: () async throws -> Void)
                async throws
            {
                try await call()
                expected.append("\(own)|\(user)|\(method)|\(subject)|")
            }
            try await read("UserService/GetUser", id, "user \(id)") {
                try await administrator.call(UserServiceMethods.getUser, GetUserRequest(userID: id))
            }
            try await read("UserService/ListUsers", 0, " 0") {
                try await administrator.call(UserServiceMethods.listUsers, ListUsersRequest())
            }
            try await read("UserService/ListPasswordResetRequests", 0, " 0") {
                try await administrator.call(
                    UserServiceMethods.listPasswordResetRequests, ListPasswordResetRequestsRequest())
            }
            try await read("UserService/ExportUserData", id, "user \(id)") {
                for try await _ in administrator.client.serverStream(
                    UserServiceMethods.exportUserData,
                    ExportUserDataRequest(userID: id, accessToken: administrator.token ?? ""))
                {}
            }
            try await read("BookingService/GetBooking", id, "booking \(booking.id)") {
                try await administrator.call(
                    BookingServiceMethods.getBooking, GetBookingRequest(bookingID: booking.id))
            }
            try await read("BookingService/ListBookings", id, "user \(id)") {
                try await administrator.call(
                    BookingServiceMethods.listBookings, ListBookingsRequest(userID: id))
            }
            try await read("BookingService/WatchBookings", 0, " 0") { _ = try await Watch(of: administrator) }
            try await read("PaymentService/ListTransactions", id, "user \(id)") {
                try await administrator.call(
                    PaymentServiceMethods.listTransactions, ListTransactionsRequest(userID: id))
            }
            try await read("PaymentService/GetTransaction", id, "transaction \(payment.id)") {
                try await administrator.call(
                    PaymentServiceMethods.getTransaction, GetTransactionRequest(transactionID: payment.id))
            }
            try await read("PaymentService/GetReceipt", id, "transaction \(payment.id)") {
                try await administrator.call(
                    PaymentServiceMethods.getReceipt, GetReceiptRequest(transactionID: payment.id))
            }
            try await read("AdminService/ListAuditEvents", 0, " 0") {
                try await administrator.call(AdminServiceMethods.listAuditEvents, ListAuditEventsRequest())
            }
            try await read("AdminService/ListAccessLog", id, "user \(id)") {
                try await administrator.call(
                    AdminServiceMethods.listAccessLog, ListAccessLogRequest(userID: id))
            }
            let found = try await entries(expected.count, administrator, ListAccessLogRequest(actorID: own))
            #expect(Array(found.prefix(expected.count)) == expected)
            #expect(try await entries(0, administrator, ListAccessLogRequest(actorID: id)).isEmpty)

            // Any other method that reads has nothing about a person, or only about the caller.
            let noted = Set(
                expected.compactMap { $0.split(separator: "|", omittingEmptySubsequences: false)[2] })
            let impersonal: Set<String> = [
                "ClinicService/GetClinic", "BookingService/ListMyBookings",
                "BookingService/SearchSlots",
                "DepartmentService/ListDepartments",
                "DepartmentService/GetDepartment", "DoctorService/ListDoctors", "DoctorService/GetDoctor",
                "DoctorService/ListTimeOff", "AdminService/QueryRevenue", "AdminService/QueryUtilization",
                "AdminService/CheckConsistency",
            ]
            let reads = ClinicMessages.allServices.flatMap { service in
                service.methods.filter { !$0.hasSideEffects }.map {
                    "\(service.name)/\($0.name)".replacing("clinic.v1.", with: "")
                }
            }
            #expect(Set(reads) == impersonal.union(noted.map(String.init)))
        }
    }

    @Test func `pages and filters fit together, and the log is for administrators`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let staff = try await clinic.staff(by: administrator)
            for _ in 0..<3 { _ = try await staff.call(UserServiceMethods.listUsers, ListUsersRequest()) }
            let filter = ListAccessLogRequest(
                actorID: staff.userID, method: "clinic.v1.UserService/ListUsers", newestFirst: true)
            _ = try await entries(3, administrator, filter)
            var page = filter
            var ids: [Int64] = []
            repeat {
                page.pageSize = 2
                let response = try await administrator.call(AdminServiceMethods.listAccessLog, page)
                ids += response.entries.map(\.id)
                page.pageToken = response.nextPageToken
            } while !page.pageToken.isEmpty
            #expect(ids.count == 3 && ids == ids.sorted(by: >))
            let refusal = try await status {
                try await staff.call(AdminServiceMethods.listAccessLog, ListAccessLogRequest())
            }
            #expect(refusal?.errorInfo?.reason == "ROLE_REQUIRED")
        }
    }

    @Test func `old entries are deleted, and the server's end writes what is left`() async throws {
        let url = try await withClinic { clinic in
            _ = try await clinic.database.write(
                Statement(
                    """
                    insert into clinic.access_log (occurred_at, actor_id, method, peer)
                    select now() - number * interval '100 days', 0, 'old', 'here' from generate_series(0, 5) as number
                    """))
            try await eventually("only a year of it is left") {
                let rows = try await clinic.database.read(
                    Statement("select count(*) from clinic.access_log where method = 'old'"))
                var row = rows[0]
                return try row.int64() == 4
            }
            let staff = try await clinic.staff(by: try await clinic.administrator())
            _ = try await staff.call(UserServiceMethods.listUsers, ListUsersRequest())
            return clinic.databaseURL
        }
        let count = try await AdminConnection.withConnection(url: url) { connection in
            var row = try connection.query(
                "select count(*) from clinic.access_log where method = 'clinic.v1.UserService/ListUsers'")[0]
            return try row.int64()
        }
        #expect(count == 1)
    }

    @Test func `a flood of refused sign-ins takes a bounded place, and none of the staff's`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let anonymous = try await clinic.connect()
            try await withWriters(1, clinic.databaseURL) { writers in
                try await writers[0].run("begin; lock table clinic.access_log in access exclusive mode")
                for _ in 0..<(2 * AccessLog.Kind.refusal.limit) {
                    _ = try? await anonymous.call(
                        UserServiceMethods.refreshToken, RefreshTokenRequest(refreshToken: "not one"))
                }
                _ = try await administrator.call(UserServiceMethods.listUsers, ListUsersRequest())
                try await writers[0].run("commit")
            }
            _ = try await entries(
                1, administrator, ListAccessLogRequest(method: "clinic.v1.UserService/ListUsers"))
            let refused = try await administrator.call(
                AdminServiceMethods.listAccessLog,
                ListAccessLogRequest(pageSize: 1_000, method: "clinic.v1.UserService/RefreshToken"))
            #expect(refused.entries.count == AccessLog.Kind.refusal.limit)
        }
    }
}
