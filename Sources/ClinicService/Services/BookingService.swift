// clinic.v1.BookingService. Scheduling decides what may be booked; the database prevents double bookings.

internal import ClinicMessages
internal import ClinicStore
internal import RPC
internal import Scheduling

struct BookingService: Sendable {
    let clinic: ClinicSettings
    let bookings: BookingStore
    let doctors: DoctorStore
    let directory: DirectoryCache<DirectoryMapping>
    let pageTokens: PageTokens

    func bookAppointment(_ request: BookAppointmentRequest, _ call: AuthorizedCall) async throws -> Booking {
        let userID = try patient(request.userID, call.caller)
        let start = try clinic.start(request.time)
        return try await make(startingAt: start, with: request.doctorID, call) { appointment in
            try await bookings.book(
                appointment, userID: userID, limit: limit(of: call.caller), context: call.context)
        }
    }

    func holdSlot(_ request: HoldSlotRequest, _ call: AuthorizedCall) async throws -> Booking {
        let userID = try patient(request.userID, call.caller)
        let start = try clinic.start(request.time)
        return try await make(startingAt: start, with: request.doctorID, call) { appointment in
            try await bookings.hold(
                appointment, userID: userID, limit: limit(of: call.caller), seconds: clinic.holdDuration,
                context: call.context)
        }
    }

    /// Decides on an appointment, then writes it.
    private func make(
        startingAt start: WantedStart, with doctorID: Int64, _ call: AuthorizedCall,
        write: (Appointment) async throws -> BookingRecord
    ) async throws -> Booking {
        let record = try await withOptimisticRetry(call, earlier: bookings.earlierAnswer, on: directory) {
            directory in
            try directory.records.terms(doctorID).map { try clinic.decide(start, on: $0, now: call.now) }
        } decide: {
            try clinic.decide(
                start, on: try await doctors.terms(doctorID, start: start.instant, for: call.context),
                now: call.now)
        } write: {
            try await write($0)
        }
        return Booking(record, clinic)
    }

    func confirmHold(_ request: ConfirmHoldRequest, _ call: AuthorizedCall) async throws -> Booking {
        Booking(
            try await bookings.confirm(
                request.bookingID, ownerID: owner(call), version: try version(ofEtag: request.etag),
                context: call.context), clinic)
    }

    func rescheduleBooking(_ request: RescheduleBookingRequest, _ call: AuthorizedCall) async throws
        -> Booking
    {
        guard request.doctorID == 0 else {
            throw Status(field: "doctor_id", "is not supported yet; leave it out")
        }
        let start = try clinic.start(request.time)
        let version = try version(ofEtag: request.etag)
        let record = try await withOptimisticRetry(call, earlier: bookings.earlierAnswer) {
            let terms = try await doctors.terms(
                ofBooking: request.bookingID, ownerID: owner(call), start: start.instant, for: call.context)
            return try clinic.decide(start, on: terms, now: call.now)
        } write: { appointment in
            try await bookings.reschedule(
                request.bookingID, to: appointment, ownerID: owner(call), version: version,
                now: call.now, refundSeconds: clinic.fullRefundBefore, context: call.context)
        }
        return Booking(record, clinic)
    }

    func getBooking(_ request: GetBookingRequest, _ call: AuthorizedCall) -> Query<Booking> {
        bookings.get(request.bookingID, ownerID: owner(call)).map { [clinic] in Booking($0, clinic) }
    }

    func listMyBookings(
        _ request: ListMyBookingsRequest, _ call: AuthorizedCall
    ) throws -> Query<ListMyBookingsResponse> {
        guard let userID = call.caller.userID else { throw Status(.notSignedIn) }
        let page = try ListPage(of: request, call, keyLength: 2, tokens: pageTokens)
        let records = bookings.list(
            userID: userID, statuses: try statuses(request.statuses), after: cursor(page), limit: page.limit)
        return records.map { records in
            let answer = try page.answer(records, key: key(of:), message: { Booking($0, clinic) })
            return ListMyBookingsResponse(bookings: answer.messages, nextPageToken: answer.nextPageToken)
        }
    }

    func listBookings(
        _ request: ListBookingsRequest, _ call: AuthorizedCall
    ) throws -> Query<ListBookingsResponse> {
        let isStaff = call.caller.isStaff
        guard request.userID == 0 || isStaff else {
            throw Status(.roleRequired, "only staff may list the bookings of a patient; leave user_id out")
        }
        let page = try ListPage(of: request, call, keyLength: 2, tokens: pageTokens)
        let records = bookings.list(
            userID: request.userID == 0 ? nil : request.userID,
            doctorID: request.doctorID == 0 ? nil : request.doctorID,
            statuses: try statuses(request.statuses),
            startFrom: try request.startFrom.map { try Instant($0, field: "start_from") },
            startBefore: try request.startBefore.map { try Instant($0, field: "start_before") },
            after: cursor(page), limit: page.limit)
        return records.map { records in
            let answer = try page.answer(records, key: key(of:)) { record in
                isStaff ? Booking(record, clinic) : Booking(publicPartOf: record, clinic)
            }
            return ListBookingsResponse(bookings: answer.messages, nextPageToken: answer.nextPageToken)
        }
    }

    func updateBookingStatus(_ request: UpdateBookingStatusRequest, _ call: AuthorizedCall) async throws
        -> Booking
    {
        let target = try Scheduling.BookingStatus(
            required: request.status, "status", by: ClinicMessages.BookingStatus.init)
        return Booking(try await move(request.bookingID, to: target, etag: request.etag, call), clinic)
    }

    func deleteBooking(_ request: DeleteBookingRequest, _ call: AuthorizedCall) async throws
        -> DeleteBookingResponse
    {
        try refuse(preview: request.validateOnly)
        _ = try await move(request.bookingID, to: .cancelled, hiding: true, call)
        return DeleteBookingResponse()
    }

    private func move(
        _ bookingID: Int64, to target: Scheduling.BookingStatus, etag: String = "", hiding: Bool = false,
        _ call: AuthorizedCall
    ) async throws -> BookingRecord {
        let conditions: StatusChangeConditions
        do {
            conditions = try StatusChangeConditions(
                movingTo: target, by: call.caller.isStaff ? .staff : .owner, now: call.now,
                zone: clinic.zone)
        } catch {
            throw Status(.ownerMayOnlyCancel)
        }
        return try await bookings.updateStatus(
            bookingID, ownerID: owner(call), version: try version(ofEtag: etag),
            conditions: conditions, refundSeconds: clinic.fullRefundBefore, hiding: hiding,
            context: call.context)
    }

    /// The user to whom a booking must belong; nil for the staff.
    private func owner(_ call: AuthorizedCall) -> Int64? { call.caller.isStaff ? nil : call.caller.userID }

    /// How many open bookings the patient of a new one may have; nil when the staff book.
    private func limit(of caller: Caller) -> Int64? { caller.isStaff ? nil : clinic.maximumOpenBookings }

    /// The patient of a new booking: the caller, or the user that the staff name.
    private func patient(_ userID: Int64, _ caller: Caller) throws(Status) -> Int64 {
        guard let callerID = caller.userID else { throw Status(.notSignedIn) }
        guard userID != 0, userID != callerID else { return callerID }
        guard caller.isStaff else {
            throw Status(.roleRequired, "only staff may book for another user; leave user_id out")
        }
        return userID
    }

    /// The statuses of a filter; none for any.
    private func statuses(
        _ statuses: [ClinicMessages.BookingStatus]
    ) throws(Status) -> Set<Scheduling.BookingStatus> {
        try Set(statuses, "statuses", by: ClinicMessages.BookingStatus.init)
    }

    private func key(of record: BookingRecord) -> [Int64] {
        [record.start.microsecondsSinceEpoch, record.id]
    }

    private func cursor(_ page: ListPage<some PagedRequest>) -> (start: Instant, id: Int64)? {
        page.cursor.map { (Instant(microsecondsSinceEpoch: $0[0]), $0[1]) }
    }
}
