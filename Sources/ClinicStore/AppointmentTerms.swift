// What the decision about one appointment is made on, and the versions that the write checks again.
internal import PostgreSQL
public import Scheduling

/// An appointment that the rules allow, with all it was decided on.
public struct Appointment: Sendable {
    /// When it is.
    public let slot: AppointmentSlot
    /// What it costs.
    public let price: Price
    /// Until when leaving it refunds it in full.
    public let refundUntil: Instant
    /// What it was decided on.
    public let terms: DoctorStore.Terms

    /// An appointment decided on these terms.
    public init(
        slot: AppointmentSlot, price: Price, refundUntil: Instant, terms: DoctorStore.Terms
    ) {
        self.slot = slot
        self.price = price
        self.refundUntil = refundUntil
        self.terms = terms
    }

    /// Patient, doctor, both versions, start, end, price and deadline, as the mutations take them that make a booking.
    func values(for userID: Int64) -> [SQLValue] {
        [
            .int64(userID), .int64(terms.doctorID), .int64(terms.doctorVersion),
            .int64(terms.departmentVersion), .instant(slot.start), .instant(slot.end), .int64(price.fee),
            .int64(price.gst), .instant(refundUntil),
        ]
    }

    /// Doctor, both versions, start, end and deadline, as the mutation takes them that moves one.
    var values: [SQLValue] {
        [
            .int64(terms.doctorID), .int64(terms.doctorVersion), .int64(terms.departmentVersion),
            .instant(slot.start), .instant(slot.end), .instant(refundUntil),
        ]
    }
}

extension DoctorStore {
    /// What the decision about an appointment needs to know, with the versions it is made on.
    public struct Terms: Sendable {
        /// The doctor's number.
        public let doctorID: Int64
        /// The doctor's version. Another schedule or time off is another version.
        public let doctorVersion: Int64
        /// 5 to 240.
        public let slotMinutes: Int64
        /// The last valid day of the registration.
        public let registrationExpiry: CivilDate
        /// Minor units, without GST.
        public let fee: Int64
        /// No GST is charged.
        public let isGSTFree: Bool
        /// The department's version.
        public let departmentVersion: Int64
        /// When the department is open.
        public let hours: OpeningHours
        /// When the doctor works.
        public let weeklyHours: WeeklyHours
        /// The doctor's time off that could touch the appointment.
        public let timeOff: [Range<Instant>]

        init(doctor: DoctorRecord, department: DepartmentRecord, timeOff: [Range<Instant>]) {
            doctorID = doctor.id
            doctorVersion = doctor.version
            slotMinutes = doctor.slotMinutes
            registrationExpiry = doctor.registrationExpiry
            fee = doctor.fee
            isGSTFree = doctor.isGSTFree
            departmentVersion = department.version
            hours = department.hours
            weeklyHours = doctor.weeklyHours
            self.timeOff = timeOff
        }

        fileprivate init?(reading row: inout Row) throws {
            guard let version = try row.optionalInt64() else { return nil }
            doctorVersion = version
            doctorID = try row.int64()
            slotMinutes = try row.int64()
            registrationExpiry = try row.civilDate()
            fee = try row.int64()
            isGSTFree = try row.bool()
            departmentVersion = try row.int64()
            hours = try row.openingHours()
            weeklyHours = try row.weeklyHours()
            timeOff = try row.periods()
        }
    }

    /// The columns of terms, for an appointment that starts at `start`. No slot is longer than four
    /// hours.
    fileprivate static func columns(start: String) -> String {
        """
        doctor.version, doctor.id, doctor.slot_minutes, doctor.registration_expiry, doctor.fee, doctor.gst_free,
        department.version, department.opens, department.closes, doctor.weekly_hours,
        array(
            select unnest(array[start_time, end_time]) from clinic.time_off
            where doctor_id = doctor.id and deleted_at is null and end_time > \(start)
                and start_time < \(start) + interval '4 hours' and start_time >= \(start) - \(TimeOffStore.maximumLength)
        )
        """
    }

    private static let terms = Statement(
        """
        select \(columns(start: "$2"))
        from clinic.doctor
        join clinic.department on department.id = doctor.department_id
        where doctor.id = $1 and doctor.deleted_at is null and department.deleted_at is null
        """)

    /// The terms on which a live doctor can be booked for a start. Refused with `doctorNotFound`.
    public func terms(_ id: Int64, start: Instant, for context: RequestContext?) async throws -> Terms {
        guard
            var row = try await database.read(
                Self.terms, [.int64(id), .instant(start)], for: context
            ).first,
            let terms = try Terms(reading: &row)
        else { throw Refusal(.doctorNotFound, id: id) }
        return terms
    }

    private static let termsOfBooking = Statement(
        """
        select \(columns(start: "$3"))
        from clinic.booking
        left join clinic.doctor on doctor.id = booking.doctor_id and doctor.deleted_at is null
        left join clinic.department on department.id = doctor.department_id
        where booking.id = $1 and is_visible_to(booking, $2)
        """)

    /// The terms on which a booking can be moved to a start. Refused with `bookingNotFound`, `doctorNotFound`.
    ///
    /// - Parameter ownerID: whose it must be; nil for the staff.
    public func terms(
        ofBooking id: Int64, ownerID: Int64?, start: Instant, for context: RequestContext?
    ) async throws -> Terms {
        guard
            var row = try await database.read(
                Self.termsOfBooking, [.int64(id), .int64(ownerID), .instant(start)], for: context
            ).first
        else { throw Refusal(.bookingNotFound, id: id) }
        // Who moves a booking has named no doctor.
        guard let terms = try Terms(reading: &row) else { throw Refusal(.doctorNotFound) }
        return terms
    }
}
