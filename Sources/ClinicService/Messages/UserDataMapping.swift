// The export of all data about a user as pages of messages.

internal import ClinicMessages
internal import ClinicStore
internal import Scheduling

extension ExportUserDataResponse {
    init(
        _ account: PersonalData.Account, _ sessions: [PersonalData.Session], archive: EventStore.ArchiveMark?
    ) {
        self.init(
            user: User(account), createTime: ProtobufTimestamp(account.createdAt),
            sessions: sessions.map { session in
                UserSession(
                    createTime: ProtobufTimestamp(session.createdAt),
                    refreshTime: ProtobufTimestamp(session.refreshedAt),
                    expireTime: ProtobufTimestamp(session.expiresAt))
            }, archiveTime: archive.map { ProtobufTimestamp($0.lastOccurredAt) })
    }

    init(
        _ visits: [PersonalData.Visit], _ payments: [PersonalData.Payment], of account: PersonalData.Account,
        _ clinic: ClinicSettings
    ) {
        let person = UserSummary(id: account.id, firstName: account.firstName, lastName: account.lastName)
        let paid = Dictionary(grouping: payments, by: \.bookingID)
        let byID = Dictionary(visits.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.init(
            bookings: visits.map { Booking($0, of: person, payments: paid[$0.id] ?? [], clinic) },
            transactions: payments.map { Transaction($0, for: byID[$0.bookingID], clinic) })
    }

    init(_ events: [PersonalData.Event]) {
        self.init(
            events: events.map { event in
                UserEvent(
                    eventTime: ProtobufTimestamp(event.occurredAt), method: event.method,
                    byUser: event.isByUser, entity: event.entity, entityID: event.entityID,
                    changeJson: event.change)
            })
    }
}

extension User {
    fileprivate init(_ account: PersonalData.Account) {
        self.init(
            id: account.id, firstName: account.firstName, lastName: account.lastName, phone: account.phone,
            email: account.email, isAdmin: account.role == .admin, role: ClinicMessages.Role(account.role),
            etag: ClinicService.etag(account.version))
    }
}

extension Booking {
    fileprivate init(
        _ visit: PersonalData.Visit, of person: UserSummary, payments: [PersonalData.Payment],
        _ clinic: ClinicSettings
    ) {
        self.init(
            id: visit.id, startTime: ProtobufTimestamp(visit.start), endTime: ProtobufTimestamp(visit.end),
            bookingDateTime: clinic.dateTime(visit.start), status: ClinicMessages.BookingStatus(visit.status),
            user: person,
            doctor: DoctorSummary(
                id: visit.doctorID, fullName: visit.doctorName,
                department: DepartmentSummary(id: visit.departmentID, departmentName: visit.departmentName)),
            transactions: payments.map { payment in
                TransactionSummary(
                    id: payment.id, totalFee: clinic.money(payment.total),
                    status: ClinicMessages.TransactionStatus(payment.status))
            },
            etag: ClinicService.etag(visit.version),
            holdExpireTime: visit.holdExpiry.map { ProtobufTimestamp($0) },
            refundUntil: ProtobufTimestamp(
                visit.refundUntil ?? clinic.refundDeadline(ofStart: visit.start)),
            fee: clinic.money(visit.price.fee), gst: clinic.money(visit.price.gst),
            totalFee: clinic.money(visit.price.fee + visit.price.gst))
    }
}

extension Transaction {
    fileprivate init(
        _ payment: PersonalData.Payment, for visit: PersonalData.Visit?, _ clinic: ClinicSettings
    ) {
        self.init(
            id: payment.id, fee: clinic.money(payment.fee), gst: clinic.money(payment.gst),
            totalFee: clinic.money(payment.total), refundedAmount: clinic.money(payment.refunded),
            status: ClinicMessages.TransactionStatus(payment.status),
            booking: visit.map { visit in
                BookingSummary(
                    id: visit.id, startTime: ProtobufTimestamp(visit.start),
                    bookingDateTime: clinic.dateTime(visit.start),
                    status: ClinicMessages.BookingStatus(visit.status))
            },
            etag: ClinicService.etag(payment.version))
    }
}
