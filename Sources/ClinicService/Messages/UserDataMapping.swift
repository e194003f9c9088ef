// Everything held about a person as one message.

internal import ClinicMessages
internal import ClinicStore
internal import Scheduling

extension UserData {
    init(_ data: PersonalData, _ clinic: ClinicSettings) {
        let person = UserSummary(
            id: data.account.id, firstName: data.account.firstName, lastName: data.account.lastName)
        let payments = Dictionary(grouping: data.payments, by: \.bookingID)
        let visits = Dictionary(data.visits.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.init(
            user: User(data.account), createTime: ProtobufTimestamp(data.account.createdAt),
            bookings: data.visits.map { visit in
                Booking(visit, of: person, payments: payments[visit.id] ?? [], clinic)
            },
            transactions: data.payments.map { Transaction($0, for: visits[$0.bookingID], clinic) },
            sessions: data.sessions.map { session in
                UserSession(
                    createTime: ProtobufTimestamp(session.createdAt),
                    refreshTime: ProtobufTimestamp(session.refreshedAt),
                    expireTime: ProtobufTimestamp(session.expiresAt))
            },
            events: data.events.map { event in
                UserEvent(
                    createTime: ProtobufTimestamp(event.occurredAt), method: event.method,
                    byUser: event.isByUser, entity: event.entity, entityID: event.entityID,
                    change: event.change)
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
            etag: ClinicService.etag(visit.version))
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
