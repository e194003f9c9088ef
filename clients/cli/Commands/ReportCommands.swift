// `clinic audit` and `clinic report`.

internal import ArgumentParser
internal import ClinicClient
internal import ClinicMessages
internal import ProtobufC
internal import RPC

struct ListAuditEvents: ListCommand {
    static let configuration = CommandConfiguration(
        "list", "List the audit trail, newest change first. For administrators.",
        example: "clinic audit list --entity booking --id 7 --oldest-first")
    static let method = AdminServiceMethods.listAuditEvents

    @Option(help: "Only changes by this user.")
    var actor: Int64?

    @Option(help: "Only changes of this kind of entity: booking, transaction, doctor, department, user.")
    var entity: String?

    @Option(help: "Only changes of the entity with this number.")
    var id: Int64?

    @Option(
        name: .customLong("method"),
        help: "Only changes by this method, such as PaymentService/PayBooking.", completion: .methods)
    var methodName: String?

    @OptionGroup var period: PeriodOptions

    @Flag(help: "List the oldest change first.")
    var oldestFirst = false

    @OptionGroup var page: PageOptions
    @OptionGroup var connection: ConnectionOptions

    var needsClinic: Bool { period.needsClinic }

    /// The full name of a method; clinicd's own have a name of theirs, such as clinicd/expire-hold.
    private static func fullName(_ name: String) throws -> String {
        if name.hasPrefix("clinicd/") { return name }
        let method = try Schema.method(name)
        return "\(method.service)/\(method.name)"
    }

    func filter(_ console: Console) throws -> ListAuditEventsRequest {
        ListAuditEventsRequest(
            actorID: actor ?? 0, entity: entity ?? "", entityID: id ?? 0,
            method: try methodName.map(Self.fullName) ?? "",
            eventFrom: try period.start(console),
            eventBefore: try period.end(console),
            newestFirst: !oldestFirst)
    }
}

struct ListAccessLog: ListCommand {
    static let configuration = CommandConfiguration(
        "access", "List sign-ins and reads of personal data by staff, newest first. For administrators.",
        example: "clinic audit access --user 7")
    static let method = AdminServiceMethods.listAccessLog

    @Option(help: "Only calls by this user.")
    var actor: Int64?

    @Option(help: "Only calls about this user's account or data.")
    var user: Int64?

    @Option(
        name: .customLong("method"),
        help: "Only calls of this method, such as UserService/Login.", completion: .methods)
    var methodName: String?

    @OptionGroup var period: PeriodOptions

    @Flag(help: "List the oldest call first.")
    var oldestFirst = false

    @OptionGroup var page: PageOptions
    @OptionGroup var connection: ConnectionOptions

    var needsClinic: Bool { period.needsClinic }

    func filter(_ console: Console) throws -> ListAccessLogRequest {
        let method = try methodName.map(Schema.method)
        return ListAccessLogRequest(
            actorID: actor ?? 0, userID: user ?? 0, method: method.map { "\($0.service)/\($0.name)" } ?? "",
            accessFrom: try period.start(console),
            accessBefore: try period.end(console), newestFirst: !oldestFirst)
    }
}

struct CheckConsistency: RemoteCommand {
    static let configuration = CommandConfiguration(
        "check", "Check the invariants of all data. For administrators.",
        "Finds double bookings, an unbalanced ledger, and statuses without their payment or event. Takes seconds "
            + "with a million bookings; the default timeout is two minutes. Exit code 1 if a check fails.",
        example: "clinic audit check")
    static let method = AdminServiceMethods.checkConsistency

    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> CheckConsistencyRequest { CheckConsistencyRequest() }

    func response(
        from client: ClinicClient, to request: CheckConsistencyRequest
    ) async throws(Status) -> CheckConsistencyResponse {
        try await client.call(
            Self.method, request, options: CallOptions(timeout: connection.timeout ?? .seconds(120)))
    }

    func finish(_ response: CheckConsistencyResponse, _ remote: RemoteServer, _ console: Console) throws {
        let broken = response.checks.count { $0.violations != 0 }
        guard broken == 0 else {
            throw CommandFailure("\(broken) of \(response.checks.count) checks found violations")
        }
    }
}

/// The options of every report.
struct ReportOptions: ParsableArguments {
    @Option(
        help: "The first day in the clinic's time zone, such as 2026-11-01 or today.",
        transform: GivenTime.parse)
    var from: GivenTime

    @Option(help: "The last day, included. [default: the first day]", transform: GivenTime.parse)
    var to: GivenTime?

    @Option(
        help: "One row per day, doctor or department. [default: day]",
        completion: .values(of: ReportGrouping.self),
        transform: enumeration(named:))
    var by: ReportGrouping?

    @Option(help: "Only this doctor.", completion: .doctors)
    var doctor: Int64?

    @Option(help: "Only this department.", completion: .departments)
    var department: Int64?

    var needsClinic: Bool { from.isRelative || to?.isRelative ?? false }

    static let optionNames = ["first_day": "--from", "last_day": "--to"]
}

struct ShowRevenue: RemoteCommand {
    static let configuration = CommandConfiguration(
        "revenue", "Charges and refunds from the ledger. For administrators.",
        example: "clinic report revenue --from 2026-11-01 --to 2026-11-30 --by department")
    static let method = AdminServiceMethods.queryRevenue
    static let optionNames = ReportOptions.optionNames

    @OptionGroup var report: ReportOptions
    @OptionGroup var connection: ConnectionOptions

    var needsClinic: Bool { report.needsClinic }

    func request(_ console: Console) throws -> QueryRevenueRequest {
        QueryRevenueRequest(
            firstDay: try console.clock.day(report.from),
            lastDay: try console.clock.day(report.to ?? report.from), grouping: report.by ?? .unspecified,
            doctorID: report.doctor ?? 0, departmentID: report.department ?? 0)
    }
}

struct ShowUtilization: RemoteCommand {
    static let configuration = CommandConfiguration(
        "utilization", "How many appointments were offered and what became of them. For administrators.",
        example: "clinic report utilization --from 2026-11-01 --to 2026-11-30 --by doctor")
    static let method = AdminServiceMethods.queryUtilization
    static let optionNames = ReportOptions.optionNames

    @OptionGroup var report: ReportOptions
    @OptionGroup var connection: ConnectionOptions

    var needsClinic: Bool { report.needsClinic }

    func request(_ console: Console) throws -> QueryUtilizationRequest {
        QueryUtilizationRequest(
            firstDay: try console.clock.day(report.from),
            lastDay: try console.clock.day(report.to ?? report.from), grouping: report.by ?? .unspecified,
            doctorID: report.doctor ?? 0, departmentID: report.department ?? 0)
    }
}
