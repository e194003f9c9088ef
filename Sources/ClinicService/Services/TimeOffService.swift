// The methods of clinic.v1.DoctorService about time off.

internal import ClinicMessages
internal import ClinicStore
internal import RPC
internal import Scheduling

struct TimeOffService: Sendable {
    let clinic: ClinicSettings
    let timeOff: TimeOffStore
    let pageTokens: PageTokens

    func createTimeOff(_ request: CreateTimeOffRequest, _ call: AuthorizedCall) async throws -> TimeOff {
        try refuse(preview: request.validateOnly)
        return TimeOff(
            try await timeOff.create(
                doctorID: request.doctorID, period: try period(of: request), context: call.context))
    }

    func deleteTimeOff(_ request: DeleteTimeOffRequest, _ call: AuthorizedCall) async throws
        -> DeleteTimeOffResponse
    {
        try refuse(preview: request.validateOnly)
        try await timeOff.delete(request.timeOffID, context: call.context)
        return DeleteTimeOffResponse()
    }

    func listTimeOff(_ request: ListTimeOffRequest, _ call: AuthorizedCall) async throws
        -> ListTimeOffResponse
    {
        let page = try ListPage(of: request, call, keyLength: 2, tokens: pageTokens)
        let records = try await timeOff.list(
            doctorID: request.doctorID == 0 ? nil : request.doctorID,
            endAfter: try request.endAfter.map { try Instant($0, field: "end_after") },
            after: page.cursor.map { (Instant(microsecondsSinceEpoch: $0[0]), $0[1]) }, limit: page.limit,
            for: call.context)
        let answer = try page.answer(
            records, key: { [$0.start.microsecondsSinceEpoch, $0.id] }, message: { TimeOff($0) })
        return ListTimeOffResponse(timeOff: answer.messages, nextPageToken: answer.nextPageToken)
    }

    /// The period of a request: between two instants, or whole days in the clinic's time zone.
    private func period(of request: CreateTimeOffRequest) throws -> Range<Instant> {
        let hasDays = !request.firstDay.isEmpty || !request.lastDay.isEmpty
        guard hasDays != (request.startTime != nil || request.endTime != nil) else {
            throw Status(field: "start_time", "and end_time, or else first_day and last_day, are required")
        }
        let (start, end, endField) =
            if hasDays { try days(of: request) } else { try instants(of: request) }
        guard start < end else { throw Status(field: endField, "is not after the start") }
        let latest = clinic.zone.instant(days: TimeOffStore.maximumDays, after: start)
        guard latest.map({ end <= $0 }) ?? true else {
            throw Status(field: endField, "is at most \(TimeOffStore.maximumDays) days after the start")
        }
        return start..<end
    }

    private func instants(of request: CreateTimeOffRequest) throws -> (Instant, Instant, String) {
        guard let start = request.startTime else { throw Status(field: "start_time", "is required") }
        guard let end = request.endTime else { throw Status(field: "end_time", "is required") }
        return (
            try Instant(start, field: "start_time"), try Instant(end, field: "end_time"), "end_time"
        )
    }

    private func days(of request: CreateTimeOffRequest) throws -> (Instant, Instant, String) {
        var fields = FieldReader()
        let first = fields.date(request.firstDay, "first_day")
        let last = request.lastDay.isEmpty ? first : fields.date(request.lastDay, "last_day")
        try fields.finish()
        guard let first, let last, let start = clinic.zone.moment(.midnight, on: first),
            let end = clinic.zone.moment(.endOfDay, on: last)
        else { throw Status(field: "first_day", "is outside the calendar") }
        return (start, end, "last_day")
    }
}
