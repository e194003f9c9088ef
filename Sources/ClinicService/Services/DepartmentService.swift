// clinic.v1.DepartmentService.

internal import ClinicMessages
internal import ClinicStore
internal import RPC
internal import Scheduling

struct DepartmentService: Sendable {
    let clinic: ClinicSettings
    let departments: DepartmentStore
    let directory: DirectoryCache<DirectoryMapping>
    let pageTokens: PageTokens

    func listDepartments(_ request: ListDepartmentsRequest, _ call: AuthorizedCall) throws
        -> Reply<ListDepartmentsResponse>
    {
        let page = try ListPage(of: request, call, keyLength: 1, tokens: pageTokens)
        if let list = directory.current?.departments {
            return try page.answer(list) { ListDepartmentsResponse(nextPageToken: $0) }
        }
        return .pending(
            .task {
                let records = try await departments.list(
                    after: page.cursor?.first, limit: page.limit, for: call.context)
                let answer = try page.answer(records, key: { [$0.id] }, message: { Department($0) })
                return ListDepartmentsResponse(
                    departments: answer.messages, nextPageToken: answer.nextPageToken)
            })
    }

    /// A department that is not cached is read, because another server may just have created it.
    func getDepartment(_ request: GetDepartmentRequest, _ call: AuthorizedCall) throws -> Reply<Department> {
        if let record = directory.current?.records.department(request.departmentID) {
            return .ready(Department(record))
        }
        return .pending(
            PendingOperation(departments.get(request.departmentID).map { Department($0) }, for: call))
    }

    func createDepartment(_ request: CreateDepartmentRequest, _ call: AuthorizedCall) async throws
        -> Department
    {
        let draft = try draft(
            name: request.departmentName, start: request.operatingStartHour, end: request.operatingEndHour)
        return Department(
            try await departments.create(draft, today: try clinic.day(at: call.now), context: call.context))
    }

    func updateDepartment(_ request: UpdateDepartmentRequest, _ call: AuthorizedCall) async throws
        -> Department
    {
        try refuse(preview: request.validateOnly)
        let wanted = request.department ?? Department()
        let expected = try version(ofEtag: request.etag, or: wanted.etag, field: "department.etag")
        let mask = try UpdateMask(
            request.updateMask, fields: ["department_name", "operating_start_hour", "operating_end_hour"])
        let today = try clinic.day(at: call.now)
        let record = try await withOptimisticRetry(call, earlier: departments.earlierAnswer) {
            let current = try await departments.get(request.departmentID).answer(for: call.context)
            if let expected, expected != current.version { throw Status(.staleEtag) }
            func merged(_ field: String, _ new: String, _ old: String) -> String {
                mask.changes(field, whenSet: !new.isEmpty) ? new : old
            }
            let draft = try draft(
                in: "department",
                name: merged("department_name", wanted.departmentName, current.name),
                start: merged(
                    "operating_start_hour", wanted.operatingStartHour, current.hours.opens.description),
                end: merged("operating_end_hour", wanted.operatingEndHour, current.hours.closes.description))
            return (current, draft)
        } write: { current, draft in
            try await departments.update(
                current.id, at: current.version, to: draft, today: today, context: call.context)
        }
        return Department(record)
    }

    func deleteDepartment(_ request: DeleteDepartmentRequest, _ call: AuthorizedCall) async throws
        -> DeleteDepartmentResponse
    {
        let cancelled = try await departments.delete(
            request.departmentID, now: call.now, force: request.force, isPreview: request.validateOnly,
            context: call.context)
        return DeleteDepartmentResponse(
            cancelledBookings: cancelled.bookings, refundedAmount: clinic.refunded(cancelled))
    }

    private func draft(
        in part: String? = nil, name: String, start: String, end: String
    ) throws -> DepartmentStore.Draft {
        var fields = FieldReader(of: part)
        let name = fields.text(name, .departmentName)
        let hours = fields.hours(from: start, to: end)
        return try DepartmentStore.Draft(name: name, nameKey: name.folded, hours: fields.finish(hours))
    }
}
