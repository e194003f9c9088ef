// Records as messages. Each message has one initializer, so that a record looks the same in every response.

internal import ClinicMessages
internal import ClinicStore
internal import Scheduling

extension ProtobufTimestamp {
    init(_ instant: Instant) {
        self.init(seconds: instant.secondsSinceEpoch, nanos: instant.nanoseconds)
    }
}

extension ClinicSettings {
    func money(_ minorUnits: Int64) -> Money { Money(minorUnits: minorUnits, currencyCode: currency) }

    /// What was refunded with cancelled bookings; nil for nothing.
    func refunded(_ cancelled: CancellationsRecord) -> Money? {
        cancelled.refunded == 0 ? nil : money(cancelled.refunded)
    }

    /// dd/mm/yyyy hh:mm:ss in the clinic's time zone.
    func dateTime(_ instant: Instant) -> String { zone.localDateTime(at: instant)?.description ?? "" }
}

extension ClinicMessages.Role {
    init(_ role: ClinicStore.Role) {
        self =
            switch role {
            case .patient: .patient
            case .staff: .staff
            case .admin: .admin
            }
    }
}

extension ClinicMessages.BookingStatus {
    init(_ status: Scheduling.BookingStatus) {
        self =
            switch status {
            case .held: .held
            case .booked: .booked
            case .confirmed: .confirmed
            case .arrived: .arrived
            case .completed: .completed
            case .cancelled: .cancelled
            case .expired: .expired
            case .noShow: .noShow
            }
    }
}

extension ClinicMessages.TransactionStatus {
    init(_ status: Scheduling.TransactionStatus) {
        self =
            switch status {
            case .pending: .pending
            case .paid: .paid
            case .partiallyRefunded: .partiallyRefunded
            case .refunded: .refunded
            case .failed: .failed
            case .voided: .voided
            }
    }
}

extension User {
    init(_ record: UserRecord) {
        self.init(
            id: record.id, firstName: record.firstName, lastName: record.lastName, phone: record.phone,
            email: record.email, isAdmin: record.role == .admin, role: ClinicMessages.Role(record.role),
            etag: ClinicService.etag(record.version))
    }
}

extension Department {
    init(_ record: DepartmentRecord) {
        self.init(
            id: record.id, departmentName: record.name, operatingStartHour: record.hours.opens.description,
            operatingEndHour: record.hours.closes.description, createdDate: record.createdDate.description,
            lastUpdate: record.lastUpdate.description, etag: ClinicService.etag(record.version))
    }
}

extension DepartmentSummary {
    init(_ record: NamedRecord) { self.init(id: record.id, departmentName: record.name) }
}

extension Doctor {
    init(_ record: DoctorRecord, _ clinic: ClinicSettings) {
        self.init(
            id: record.id, fullName: record.fullName, registrationNumber: record.registrationNumber,
            registrationExpiry: record.registrationExpiry.description,
            consultationFee: clinic.money(record.fee),
            slotMinutes: record.slotMinutes, gstFree: record.isGSTFree,
            department: DepartmentSummary(record.department), etag: ClinicService.etag(record.version),
            weeklyHours: record.weeklyHours.entries.map { entry in
                WorkingHours(
                    day: DayOfWeek(entry.day), startHour: entry.hours.opens.description,
                    endHour: entry.hours.closes.description)
            })
    }
}

extension DoctorSummary {
    init(_ doctor: NamedRecord, of department: NamedRecord) {
        self.init(id: doctor.id, fullName: doctor.name, department: DepartmentSummary(department))
    }
}

extension DayOfWeek {
    init(_ day: Weekday) {
        self =
            switch day {
            case .monday: .monday
            case .tuesday: .tuesday
            case .wednesday: .wednesday
            case .thursday: .thursday
            case .friday: .friday
            case .saturday: .saturday
            case .sunday: .sunday
            }
    }
}

extension NoSlotReason {
    init(_ obstacle: SlotObstacle?) {
        self =
            switch obstacle {
            case .outOfWindow: .outOfWindow
            case .closed: .closed
            case .timeOff: .timeOff
            case .registrationExpired: .registrationExpired
            case .full: .full
            case nil: .unspecified
            }
    }
}

extension TimeOff {
    init(_ record: TimeOffRecord) {
        self.init(
            id: record.id, doctor: DoctorSummary(record.doctor, of: record.department),
            startTime: ProtobufTimestamp(record.start), endTime: ProtobufTimestamp(record.end),
            displacedBookingCount: record.displacedBookingCount)
    }
}

extension Booking {
    /// All of a booking, as its owner and the staff see it.
    init(_ record: BookingRecord, _ clinic: ClinicSettings) {
        self.init(
            record, clinic,
            user: UserSummary(id: record.userID, firstName: record.firstName, lastName: record.lastName),
            transactions: record.transactions.map { transaction in
                TransactionSummary(
                    id: transaction.id, totalFee: clinic.money(transaction.total),
                    status: ClinicMessages.TransactionStatus(transaction.status))
            },
            etag: ClinicService.etag(record.version),
            holdExpireTime: record.holdExpiry.map { ProtobufTimestamp($0) }, price: record.price)
    }

    /// The public part of a booking: nothing about the patient.
    init(publicPartOf record: BookingRecord, _ clinic: ClinicSettings) {
        self.init(record, clinic, user: nil, transactions: [], etag: "", holdExpireTime: nil, price: nil)
    }

    private init(
        _ record: BookingRecord, _ clinic: ClinicSettings, user: UserSummary?,
        transactions: [TransactionSummary], etag: String, holdExpireTime: ProtobufTimestamp?,
        price: BookingPrice?
    ) {
        self.init(
            id: record.id, startTime: ProtobufTimestamp(record.start), endTime: ProtobufTimestamp(record.end),
            bookingDateTime: clinic.dateTime(record.start),
            status: ClinicMessages.BookingStatus(record.status), user: user,
            doctor: DoctorSummary(record.doctor, of: record.department), transactions: transactions,
            etag: etag, holdExpireTime: holdExpireTime,
            refundUntil: price.map { _ in
                ProtobufTimestamp(record.refundUntil ?? clinic.refundDeadline(ofStart: record.start))
            },
            fee: price.map { clinic.money($0.fee) }, gst: price.map { clinic.money($0.gst) },
            totalFee: price.map { clinic.money($0.fee + $0.gst) })
    }
}

extension Transaction {
    init(_ record: TransactionRecord, _ clinic: ClinicSettings) {
        self.init(
            id: record.id, fee: clinic.money(record.fee), gst: clinic.money(record.gst),
            totalFee: clinic.money(record.total), refundedAmount: clinic.money(record.refunded),
            status: ClinicMessages.TransactionStatus(record.status),
            booking: BookingSummary(
                id: record.bookingID, startTime: ProtobufTimestamp(record.bookingStart),
                bookingDateTime: clinic.dateTime(record.bookingStart),
                status: ClinicMessages.BookingStatus(record.bookingStatus)),
            etag: ClinicService.etag(record.version))
    }
}
