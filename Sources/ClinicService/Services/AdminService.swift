// clinic.v1.AdminService.

internal import ClinicMessages
internal import ClinicStore
internal import RPC
internal import Scheduling

struct AdminService: Sendable {
    let clinic: ClinicSettings
    let events: EventStore
    let accessLog: AccessLogStore
    let reports: ReportStore
    let consistency: ConsistencyStore
    let pageTokens: PageTokens

    func listAuditEvents(_ request: ListAuditEventsRequest, _ call: AuthorizedCall) async throws
        -> ListAuditEventsResponse
    {
        guard request.entityID == 0 || !request.entity.isEmpty else {
            throw Status(field: "entity", "is required with entity_id")
        }
        guard request.entity.isEmpty || AuditTrail.entities.contains(request.entity) else {
            throw Status(field: "entity", "is one of \(AuditTrail.entities.joined(separator: ", "))")
        }
        guard request.method.isEmpty || AuditTrail.isMethod(request.method) else {
            throw Status(
                field: "method",
                "is a method that changes something, such as clinic.v1.BookingService/BookAppointment")
        }
        let page = try ListPage(of: request, call, keyLength: 2, tokens: pageTokens)
        let position = page.cursor.map { EventPosition(transactionNumber: $0[0], sequence: $0[1]) }
        var filter = EventStore.Filter()
        filter.actorID = request.actorID == 0 ? nil : request.actorID
        filter.entity = request.entity.isEmpty ? nil : request.entity
        filter.entityID = request.entityID == 0 ? nil : request.entityID
        filter.method = request.method.isEmpty ? nil : request.method
        filter.from = try request.eventFrom.map { try Instant($0, field: "event_from") }
        filter.before = try request.eventBefore.map { try Instant($0, field: "event_before") }
        let records =
            request.newestFirst
            ? try await events.readBackwards(
                before: position, matching: filter, limit: page.limit, for: call.context)
            : try await events.readAll(
                after: position, matching: filter, limit: page.limit, for: call.context)
        let answer = try page.answer(
            records, key: { [$0.position.transactionNumber, $0.position.sequence] },
            message: { AuditEvent($0) })
        return ListAuditEventsResponse(
            auditEvents: answer.messages, nextPageToken: answer.nextPageToken,
            archiveTime: try await events.archiveMark(for: call.context).map {
                ProtobufTimestamp($0.lastOccurredAt)
            })
    }

    func listAccessLog(_ request: ListAccessLogRequest, _ call: AuthorizedCall) async throws
        -> ListAccessLogResponse
    {
        let page = try ListPage(of: request, call, keyLength: 1, tokens: pageTokens)
        var filter = AccessLogStore.Filter()
        filter.actorID = request.actorID == 0 ? nil : request.actorID
        filter.userID = request.userID == 0 ? nil : request.userID
        filter.method = request.method.isEmpty ? nil : request.method
        filter.from = try request.accessFrom.map { try Instant($0, field: "access_from") }
        filter.before = try request.accessBefore.map { try Instant($0, field: "access_before") }
        let records = try await accessLog.read(
            after: page.cursor?.first, newestFirst: request.newestFirst, matching: filter, limit: page.limit,
            for: call.context)
        let answer = try page.answer(records, key: { [$0.id] }, message: { AccessLogEntry($0) })
        return ListAccessLogResponse(entries: answer.messages, nextPageToken: answer.nextPageToken)
    }

    func queryRevenue(_ request: QueryRevenueRequest, _ call: AuthorizedCall) async throws
        -> QueryRevenueResponse
    {
        var fields = FieldReader()
        let range = fields.days(from: request.firstDay, to: request.lastDay, clinic)
        let days = try fields.finish(range)
        var rows = try await reports.revenue(
            on: days, by: try ReportGrouping(of: request.grouping),
            of: ReportScope(doctorID: request.doctorID, departmentID: request.departmentID), for: call.context
        )
        let total = rows.popLast()
        return QueryRevenueResponse(
            rows: rows.map { RevenueRow($0, clinic) }, total: total.map { RevenueRow($0, clinic) })
    }

    func queryUtilization(_ request: QueryUtilizationRequest, _ call: AuthorizedCall) async throws
        -> QueryUtilizationResponse
    {
        var fields = FieldReader()
        let range = fields.days(from: request.firstDay, to: request.lastDay, clinic)
        let days = try fields.finish(range)
        let grouping = try ReportGrouping(of: request.grouping)
        let utilization = try await reports.utilization(
            on: days, of: ReportScope(doctorID: request.doctorID, departmentID: request.departmentID),
            for: call.context)
        let report = UtilizationReport(utilization, on: days.days, in: clinic.zone)
        return QueryUtilizationResponse(
            rows: report.rows(by: grouping).map { UtilizationRow($0) },
            total: UtilizationRow(report.total))
    }

    func checkConsistency(_ request: CheckConsistencyRequest, _ call: AuthorizedCall) async throws
        -> CheckConsistencyResponse
    {
        CheckConsistencyResponse(
            checks: try await consistency.findings(for: call.context).map { ConsistencyCheck($0) },
            archiveTime: try await events.archiveMark(for: call.context).map {
                ProtobufTimestamp($0.lastOccurredAt)
            })
    }
}

extension AccessLogEntry {
    fileprivate init(_ record: AccessRecord) {
        self.init(
            id: record.id, accessTime: ProtobufTimestamp(record.occurredAt), actorID: record.actorID ?? 0,
            userID: record.userID ?? 0, method: record.method, entity: record.entity ?? "",
            entityID: record.entityID ?? 0, refusal: record.refusal ?? "", peer: record.peer)
    }
}

/// What the audit trail is about.
private enum AuditTrail {
    /// The kinds of resources, by their names in the trail.
    static let entities = ["booking", "transaction", "doctor", "department", "user", "time_off", "settings"]

    /// Whether events can have been made by this method, or by this command of the daemon.
    static func isMethod(_ name: String) -> Bool {
        AccessTable.rows[name] != nil
            || ["clinicd/configure", "clinicd/create-admin", "clinicd/expire-hold", "clinicd/seed-demo"]
                .contains(name)
    }
}

extension ClinicStore.ReportGrouping {
    /// The default grouping, by day, for UNSPECIFIED.
    fileprivate init(of grouping: ClinicMessages.ReportGrouping) throws(Status) {
        self =
            switch grouping {
            case .doctor: .doctor
            case .department: .department
            case .day, .unspecified: .day
            case .unrecognized: throw Status(unknown: grouping, "grouping")
            }
    }
}

extension ReportScope {
    /// The filter of an id; 0 means all.
    fileprivate init(doctorID: Int64, departmentID: Int64) {
        self.init()
        self.doctorID = doctorID == 0 ? nil : doctorID
        self.departmentID = departmentID == 0 ? nil : departmentID
    }
}
