// clinic.v1.BookingService. What may be booked is decided by Scheduling; that nothing is booked twice, by the database.

internal import ClinicMessages
internal import ClinicStore
internal import Scheduling
internal import TTRPC

struct BookingService: Sendable {
    let clinic: ClinicSettings
    let bookings: BookingStore
    let doctors: DoctorStore
    let pageTokens: PageTokens

    func bookAppointment(_ request: BookAppointmentRequest, _ call: Call) async throws -> Booking {
        let userID = try patient(of: request, call.caller)
        let start = try start(of: request)
        let record = try await change(call, earlier: bookings.earlierAnswer) {
            let terms = try await doctors.terms(request.doctorID)
            let (slot, price) = try decide(start, on: terms, now: call.now)
            return (terms, slot, price)
        } write: { terms, slot, price in
            try await bookings.book(
                slot, doctorID: request.doctorID, terms: terms, price: price, userID: userID,
                origin: call.origin)
        }
        return Booking(record, clinic)
    }

    func listMyBookings(_ request: ListMyBookingsRequest, _ call: Call) async throws -> ListMyBookingsResponse
    {
        guard let userID = call.caller.userID else { throw Status(.notSignedIn) }
        let page = try Page(of: request, call, keyLength: 2, tokens: pageTokens)
        let records = try await bookings.list(
            userID: userID, status: status(request.status), after: cursor(page), limit: page.limit)
        let answer = try page.answer(records, key: key(of:), message: { Booking($0, clinic) })
        return ListMyBookingsResponse(bookings: answer.messages, nextPageToken: answer.nextPageToken)
    }

    func listBookings(_ request: ListBookingsRequest, _ call: Call) async throws -> ListBookingsResponse {
        let isStaff = call.caller.isStaff
        guard request.userID == 0 || isStaff else {
            throw Status(.roleRequired, "only staff may list the bookings of a patient; leave user_id out")
        }
        let page = try Page(of: request, call, keyLength: 2, tokens: pageTokens)
        let records = try await bookings.list(
            userID: request.userID == 0 ? nil : request.userID,
            doctorID: request.doctorID == 0 ? nil : request.doctorID, status: status(request.status),
            startFrom: try request.startFrom.map { try Instant($0, field: "start_from") },
            startBefore: try request.startBefore.map { try Instant($0, field: "start_before") },
            after: cursor(page), limit: page.limit)
        let answer = try page.answer(records, key: key(of:)) { record in
            isStaff ? Booking(record, clinic) : Booking(publicPartOf: record, clinic)
        }
        return ListBookingsResponse(bookings: answer.messages, nextPageToken: answer.nextPageToken)
    }

    func updateBookingStatus(_ request: UpdateBookingStatusRequest, _ call: Call) async throws -> Booking {
        guard let target = status(request.status) else {
            throw Status(field: "status", "is required")
        }
        return Booking(try await move(request.bookingID, to: target, etag: request.etag, call), clinic)
    }

    func deleteBooking(_ request: DeleteBookingRequest, _ call: Call) async throws -> ProtobufEmpty {
        _ = try await move(request.bookingID, to: .cancelled, hiding: true, call)
        return ProtobufEmpty()
    }

    private func move(
        _ bookingID: Int64, to target: Scheduling.BookingStatus, etag: String = "", hiding: Bool = false,
        _ call: Call
    ) async throws -> BookingRecord {
        let conditions: StatusChangeConditions
        do {
            conditions = try StatusChangeConditions(
                movingTo: target, by: call.caller.isStaff ? .staff : .owner, now: call.now,
                fullRefundBefore: clinic.fullRefundBefore)
        } catch {
            throw Status(.ownerMayOnlyCancel)
        }
        return try await bookings.updateStatus(
            bookingID, ownerID: call.caller.isStaff ? nil : call.caller.userID,
            version: try version(ofEtag: etag),
            conditions: conditions, hiding: hiding, origin: call.origin)
    }

    /// For whom to book: the caller, or whom staff name.
    private func patient(of request: BookAppointmentRequest, _ caller: Caller) throws(Status) -> Int64 {
        guard let callerID = caller.userID else { throw Status(.notSignedIn) }
        guard request.userID != 0, request.userID != callerID else { return callerID }
        guard caller.isStaff else {
            throw Status(.roleRequired, "only staff may book for another user; leave user_id out")
        }
        return request.userID
    }

    private func start(of request: BookAppointmentRequest) throws(Status) -> Instant {
        switch request.time {
        case .startTime(let timestamp):
            return try Instant(timestamp, field: "start_time")
        case .bookingDateTime(let text):
            guard let local = LocalDateTime(parsing: text) else { throw Status(.malformedDate) }
            do { return try clinic.zone.instant(of: local) } catch { throw Status(.skippedLocalTime) }
        case nil:
            throw Status(field: "start_time", "or booking_date_time is required")
        }
    }

    private func decide(
        _ start: Instant, on terms: DoctorStore.Terms, now: Instant
    ) throws -> (AppointmentSlot, Price) {
        guard let grid = SlotGrid(slotMinutes: terms.slotMinutes) else { throw Status(.internalError) }
        let price = try (terms.isGSTFree ? .free : clinic.gst).price(fee: terms.fee)
        do {
            return (
                try decideAppointment(
                    start: start, now: now, grid: grid, hours: terms.hours,
                    registrationExpiry: terms.registrationExpiry, zone: clinic.zone), price
            )
        } catch {
            throw Status(appointment: error)
        }
    }

    private func status(_ status: ClinicMessages.BookingStatus) -> Scheduling.BookingStatus? {
        Scheduling.BookingStatus(from: status, by: ClinicMessages.BookingStatus.init)
    }

    private func key(of record: BookingRecord) -> [Int64] {
        [record.start.microsecondsSinceEpoch, record.id]
    }

    private func cursor(_ page: Page<some PagedRequest>) -> (start: Instant, id: Int64)? {
        page.cursor.map { (Instant(microsecondsSinceEpoch: $0[0]), $0[1]) }
    }
}

extension Status {
    /// Why an appointment may not start then.
    fileprivate init(appointment refusal: AppointmentRefusal) {
        switch refusal {
        case .outOfWindow:
            self.init(.outOfWindow)
        case .offGrid(let minutes, let before, let after):
            self.init(
                .offGrid,
                "appointments start every \(minutes) minutes; the nearest are \(before) and \(after)",
                [("before", before.description), ("after", after.description)])
        case .closed(let day, let hours):
            self.init(
                .closed,
                hours.isClosed
                    ? "the department is closed on \(day)" : "the department is open \(hours) on \(day)",
                [("opens", hours.opens.description), ("closes", hours.closes.description)])
        case .registrationExpired(let day, let expiry):
            self.init(
                .registrationExpired, "the doctor's registration ends on \(expiry), before \(day)",
                [("registration_expiry", expiry.description)])
        }
    }
}
