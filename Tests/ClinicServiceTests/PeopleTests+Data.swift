// What is held about people, through the socket: its export, its erasure, and that none of it is a secret.

import ClinicMessages
import ClinicService
import Dispatch
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import TTRPC
import TestWaiting
import Testing

extension Session {
    /// The pages of everything held about a user, or about the caller.
    func exportedPages(_ userID: Int64 = 0) async throws -> [ExportUserDataResponse] {
        let responses = client.serverStream(
            UserServiceMethods.exportUserData,
            ExportUserDataRequest(userID: userID, accessToken: token ?? ""),
            timeout: .seconds(120))
        var pages: [ExportUserDataResponse] = []
        for try await page in responses { pages.append(page) }
        return pages
    }

    /// The same as one.
    func export(_ userID: Int64 = 0) async throws -> ExportUserDataResponse {
        try await exportedPages(userID).reduce(into: ExportUserDataResponse()) { data, page in
            data.user = data.user ?? page.user
            data.createTime = data.createTime ?? page.createTime
            data.bookings += page.bookings
            data.transactions += page.transactions
            data.sessions += page.sessions
            data.events += page.events
        }
    }
}

extension PeopleTests {
    @Test
    func `an export is everything held about a person, hidden things included, and nothing about others`()
        async throws
    {
        let (clinic, administrator, patient) = try await scene()
        let doctor = try await clinic.doctor(by: administrator)
        let neighbour = try await clinic.signUp()
        _ = try await neighbour.pay(neighbour.book(doctor, at: clinic.dateTime(hour: 9)))
        let booking = try await patient.book(doctor, at: clinic.dateTime())
        let transaction = try await patient.pay(booking)
        let deleted = try await patient.book(doctor, at: clinic.dateTime(hour: 12))
        try await administrator.call(
            BookingServiceMethods.deleteBooking, DeleteBookingRequest(bookingID: deleted.id))

        let data = try await patient.export()
        #expect(data.user == (try await me(patient)))
        #expect(data.createTime != nil)
        let mine = try await patient.call(BookingServiceMethods.listMyBookings, ListMyBookingsRequest())
            .bookings
        #expect(data.bookings.first == mine.first)
        #expect(data.bookings.map { $0.id } == [booking.id, deleted.id])
        #expect(data.bookings.map { $0.status } == [.confirmed, .cancelled])
        #expect(data.transactions == [transaction])
        #expect(data.sessions.count == 1)
        let session = try #require(data.sessions.first)
        #expect((session.expireTime?.seconds ?? 0) - (session.createTime?.seconds ?? 0) == 30 * 86_400)
        #expect(
            data.events.map { "\($0.method.split(separator: "/").last ?? "") \($0.entity) \($0.byUser)" } == [
                "CreateUser user false", "BookAppointment booking true", "PayBooking transaction true",
                "BookAppointment booking true", "DeleteBooking booking false",
            ])
        #expect(try await administrator.export(patient.userID) == data)
    }

    @Test func `a long history is exported whole, in pages of bounded size`() async throws {
        try await withClinic { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patient = try await clinic.signUp()
            try await AdminConnection.withConnection(url: clinic.databaseURL) { connection in
                try connection.execute(
                    """
                    insert into clinic.booking (doctor_id, user_id, start_time, end_time, occupied, status, fee, gst)
                    select \(doctor.id), \(patient.userID), start_time, start_time + interval '30 minutes',
                        tstzrange(start_time, start_time + interval '30 minutes'), 'CANCELLED', 100, 10
                    -- Several begin at the same time.
                    from generate_series(1, 1001) as number, lateral (
                        select timestamptz '2020-01-01' + number / 7 * interval '1 hour' as start_time) as start;
                    insert into clinic.transaction (booking_id, user_id, fee, gst, total_fee, status)
                    select id, user_id, 100, 10, 110, 'FAILED' from clinic.booking;
                    insert into clinic.event (actor_id, user_id, method, entity, entity_id, change)
                    select \(patient.userID), \(patient.userID), 'm', 'booking', number, '{}'
                    from generate_series(1, 20000) as number;
                    """)
            }
            let pages = try await patient.exportedPages()
            #expect(pages.allSatisfy { $0.bookings.count <= 200 && $0.events.count <= 200 })
            let bookings = pages.flatMap { $0.bookings }
            #expect(bookings.count == 1_001 && Set(bookings.map { $0.id }).count == 1_001)
            #expect(bookings.allSatisfy { $0.transactions.count == 1 })
            #expect(pages.flatMap { $0.transactions }.count == 1_001)
            let events = pages.flatMap { $0.events }
            // The first is the sign-up.
            #expect(events.dropFirst().map { $0.entityID } == Array(1...20_000))
        }
    }

    @Test func `who is erased is unknown from then on, and what happened stays`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patient = try await clinic.signUp()
            let email = "canary-mail\(clinic.next())@example.org"
            try await patient.call(
                UserServiceMethods.updateUser,
                UpdateUserRequest(
                    user: User(
                        firstName: "Canaryfirst", lastName: "Canarylast", phone: "98765432123", email: email),
                    currentPassword: TestClinic.password),
                key: "update")
            let paid = try await patient.book(doctor, at: clinic.dateTime(), key: "book")
            _ = try await patient.pay(paid)
            let unpaid = try await patient.book(doctor, at: clinic.dateTime(hour: 12))
            let attended = try await patient.book(doctor, at: clinic.dateTime(hour: 14))
            try await clinic.move(attended, toMinute: 0, until: 30)
            _ = try await administrator.call(
                BookingServiceMethods.updateBookingStatus,
                UpdateBookingStatusRequest(bookingID: attended.id, status: .arrived), key: "arrive")
            _ = try await administrator.call(
                UserServiceMethods.updateUser,
                UpdateUserRequest(userID: patient.userID, user: User(phone: "98765432124")), key: "phone")
            let needles = ["%canary%", "%9876543212%"]
            for needle in needles { #expect(try await clinic.tables(holding: needle) > 0) }

            try await patient.call(
                UserServiceMethods.eraseUser, EraseUserRequest(userID: patient.userID), key: "erase")

            #expect(try await reason { _ = try await me(patient) } == "INVALID_TOKEN")
            #expect(
                try await reason {
                    try await patient.anonymous.call(
                        UserServiceMethods.refreshToken,
                        RefreshTokenRequest(refreshToken: patient.refreshToken))
                } == "INVALID_TOKEN")
            for needle in needles { #expect(try await clinic.tables(holding: needle) == 0, "\(needle)") }
            #expect(
                try await reason {
                    try await administrator.call(
                        UserServiceMethods.getUser, GetUserRequest(userID: patient.userID))
                } == "USER_NOT_FOUND")
            let users = try await administrator.call(
                UserServiceMethods.listUsers, ListUsersRequest(pageSize: 1000))
            #expect(!users.users.contains { $0.id == patient.userID })

            let bookings = try await administrator.call(
                BookingServiceMethods.listBookings, ListBookingsRequest(userID: patient.userID)
            ).bookings
            #expect(bookings.map { $0.id } == [attended.id, paid.id, unpaid.id])
            #expect(bookings.map { $0.status } == [.arrived, .cancelled, .cancelled])
            #expect(bookings.dropFirst().first?.payments == [.refunded])
            #expect(
                bookings.first?.user == UserSummary(id: patient.userID, firstName: "Erased", lastName: "user")
            )
            #expect(
                try await clinic.count("select coalesce(sum(amount), 0)::bigint from clinic.ledger_entry")
                    == 0)
            #expect(try await clinic.count("select count(*) from clinic.ledger_entry") == 6)
            let cancellations = """
                select count(*) from clinic.event where entity = 'booking' and method like '%EraseUser'
                and change ->> 'status' = 'CANCELLED'
                """
            #expect(try await clinic.count(cancellations) == 2)

            // The slot and the e-mail are free again; the old password opens nothing.
            #expect(try await clinic.signUp().book(doctor, at: clinic.dateTime()).status == .booked)
            #expect(
                try await reason { _ = try await patient.signedIn(email: email, userID: 0) }
                    == "WRONG_CREDENTIALS")
            let namesake = try await patient.anonymous.call(
                UserServiceMethods.createUser,
                CreateUserRequest(firstName: "New", lastName: "Comer", email: email, password: "long enough"))
            #expect(namesake.id != patient.userID)
            #expect(
                try await reason {
                    try await administrator.call(
                        UserServiceMethods.eraseUser, EraseUserRequest(userID: patient.userID))
                } == "USER_NOT_FOUND")
            #expect(
                try await reason {
                    try await administrator.call(
                        BookingServiceMethods.bookAppointment,
                        BookAppointmentRequest(
                            doctorID: doctor.id, time: .bookingDateTime(clinic.dateTime(hour: 16)),
                            userID: patient.userID))
                } == "USER_NOT_FOUND")
        }
    }

    @Test func `an erasure waits for a booking that is being made, and cancels it`() async throws {
        let (clinic, administrator, patient) = try await scene()
        let doctor = try await clinic.doctor(by: administrator)
        let (began, goOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let (patientID, doctorID) = (patient.userID, doctor.id)
        async let booking: Void = AdminConnection.withConnection(url: clinic.databaseURL) { connection in
            try connection.execute("begin; select from clinic.user_account where id = \(patientID) for share")
            began.signal()
            goOn.wait()
            try connection.execute(
                """
                insert into clinic.booking (doctor_id, user_id, start_time, end_time, occupied, status, fee, gst)
                values (\(doctorID), \(patientID), now() + interval '1 day', now() + interval '25 hours',
                    tstzrange(now() + interval '1 day', now() + interval '25 hours'), 'BOOKED', 0, 0);
                commit
                """)
        }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                began.wait()
                continuation.resume()
            }
        }
        async let erasure: EraseUserResponse = administrator.call(
            UserServiceMethods.eraseUser, EraseUserRequest(userID: patientID))
        let waiting = """
            select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock' and query like '%erase_user%'
            """
        do {
            defer { goOn.signal() }
            try await eventually("the erasure at the lock") { try await clinic.count(waiting) > 0 }
        }
        try await booking
        _ = try await erasure
        let left = "select count(*) from clinic.booking where user_id = $1 and status = 'CANCELLED'"
        #expect(try await clinic.count(left, [.int64(patientID)]) == 1)
    }

    @Test func `no secret is in any table`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let patient = try await clinic.signUp()
            let renewed = try await patient.anonymous.call(
                UserServiceMethods.refreshToken, RefreshTokenRequest(refreshToken: patient.refreshToken))
            let session = Session(client: patient.client, token: renewed.token, userID: patient.userID)
            try await session.call(
                UserServiceMethods.changePassword,
                ChangePasswordRequest(currentPassword: TestClinic.password, newPassword: "canary password"),
                key: "k")
            try await administrator.call(
                UserServiceMethods.revokeTokens, RevokeTokensRequest(userID: patient.userID), key: "k")
            try await administrator.call(
                UserServiceMethods.setUserRole, SetUserRoleRequest(userID: patient.userID, role: .staff),
                key: "l"
            )
            for secret in [
                "canary password", TestClinic.password, patient.refreshToken, renewed.refreshToken,
                renewed.token,
                administrator.refreshToken, administrator.token ?? "-",
            ] {
                #expect(secret.utf8.count > 8)
                #expect(try await clinic.tables(holding: "%\(secret)%") == 0)
            }
            let hashes = "select count(*) from clinic.event where change::text like '%$2b$%'"
            #expect(try await clinic.count(hashes) == 0)
            #expect(
                try await clinic.count(
                    "select count(*) from clinic.idempotency_key where response::text like '%$2b$%'") == 0)
        }
    }
}

extension TestClinic {
    /// How many tables have a row with such a text, in any case; bytes count as Base64.
    func tables(holding pattern: String) async throws -> Int64 {
        try await count(
            """
            select count(*) from information_schema.tables
            where table_schema = 'clinic' and table_type = 'BASE TABLE'
                and query_to_xml(format('select * from clinic.%I', table_name), true, false, '')::text ilike $1
            """, [.text(pattern)])
    }
}
