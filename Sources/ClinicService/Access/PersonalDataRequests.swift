// What the requests for personal data ask for. A method whose request is here is noted in the access log when staff call it.

internal import ClinicMessages
internal import ClinicStore

extension GetUserRequest: PersonalDataRequest {
    var subject: AccessEntry.Subject? { .init("user", userID) }
}

extension ExportUserDataRequest: PersonalDataRequest {
    var subject: AccessEntry.Subject? { .init("user", userID) }
}

extension ListUsersRequest: PersonalDataRequest {
    var subject: AccessEntry.Subject? { nil }
}

extension ListPasswordResetRequestsRequest: PersonalDataRequest {
    var subject: AccessEntry.Subject? { nil }
}

extension GetBookingRequest: PersonalDataRequest {
    var subject: AccessEntry.Subject? { .init("booking", bookingID) }
}

extension ListBookingsRequest: PersonalDataRequest {
    var subject: AccessEntry.Subject? { userID == 0 ? nil : .init("user", userID) }
}

extension WatchBookingsRequest: PersonalDataRequest {
    var subject: AccessEntry.Subject? { nil }
}

extension ListTransactionsRequest: PersonalDataRequest {
    var subject: AccessEntry.Subject? { userID == 0 ? nil : .init("user", userID) }
}

extension GetTransactionRequest: PersonalDataRequest {
    var subject: AccessEntry.Subject? { .init("transaction", transactionID) }
}

extension GetReceiptRequest: PersonalDataRequest {
    var subject: AccessEntry.Subject? { .init("transaction", transactionID) }
}

extension ListAuditEventsRequest: PersonalDataRequest {
    var subject: AccessEntry.Subject? { entityID == 0 ? nil : .init(entity, entityID) }
}

extension ListAccessLogRequest: PersonalDataRequest {
    var subject: AccessEntry.Subject? { userID == 0 ? nil : .init("user", userID) }
}
