// clinic.v1.DoctorService.

internal import ClinicMessages
internal import ClinicStore
internal import RPC
internal import Scheduling

struct DoctorService: Sendable {
    let clinic: ClinicSettings
    let doctors: DoctorStore
    let directory: DirectoryCache<DirectoryMapping>
    let pageTokens: PageTokens

    func listDoctors(_ request: ListDoctorsRequest, _ call: AuthorizedCall) throws -> Reply<
        ListDoctorsResponse
    > {
        let page = try ListPage(of: request, call, keyLength: 1, tokens: pageTokens)
        if let list = directory.current?.doctors(of: request.departmentID) {
            return try page.answer(list) { ListDoctorsResponse(nextPageToken: $0) }
        }
        return .pending(
            .task {
                let records = try await doctors.list(
                    departmentID: request.departmentID == 0 ? nil : request.departmentID,
                    after: page.cursor?.first, limit: page.limit, for: call.context)
                let answer = try page.answer(records, key: { [$0.id] }, message: { Doctor($0, clinic) })
                return ListDoctorsResponse(doctors: answer.messages, nextPageToken: answer.nextPageToken)
            })
    }

    /// A doctor who is not cached is read, because another server may just have registered the doctor.
    func getDoctor(_ request: GetDoctorRequest, _ call: AuthorizedCall) throws -> Reply<Doctor> {
        if let record = directory.current?.records.doctor(request.doctorID) {
            return .ready(Doctor(record, clinic))
        }
        return .pending(
            PendingOperation(doctors.get(request.doctorID).map { Doctor($0, clinic) }, for: call))
    }

    func registerDoctor(_ request: RegisterDoctorRequest, _ call: AuthorizedCall) async throws -> Doctor {
        let draft = try draft(
            Doctor(
                fullName: request.fullName, registrationNumber: request.registrationNumber,
                registrationExpiry: request.registrationExpiry, consultationFee: request.consultationFee,
                slotMinutes: request.slotMinutes, gstFree: request.gstFree,
                department: DepartmentSummary(id: request.departmentID)))
        return Doctor(try await doctors.register(draft, context: call.context), clinic)
    }

    func updateDoctor(_ request: UpdateDoctorRequest, _ call: AuthorizedCall) async throws -> Doctor {
        try refuse(preview: request.validateOnly)
        let wanted = request.doctor ?? Doctor()
        let expected = try version(ofEtag: request.etag, or: wanted.etag, field: "doctor.etag")
        let mask = try UpdateMask(
            request.updateMask,
            fields: [
                "full_name", "registration_number", "registration_expiry", "consultation_fee", "slot_minutes",
                "gst_free", "department",
            ])
        let record = try await withOptimisticRetry(call, earlier: doctors.earlierAnswer) {
            let current = try await doctors.get(request.doctorID).answer(for: call.context)
            if let expected, expected != current.version { throw Status(.staleEtag) }
            let draft = try draft(merge(wanted, into: Doctor(current, clinic), mask), in: "doctor")
            return (current, draft)
        } write: { current, draft in
            try await doctors.update(current.id, at: current.version, to: draft, context: call.context)
        }
        return Doctor(record, clinic)
    }

    func deleteDoctor(_ request: DeleteDoctorRequest, _ call: AuthorizedCall) async throws
        -> DeleteDoctorResponse
    {
        let cancelled = try await doctors.delete(
            request.doctorID, now: call.now, force: request.force, isPreview: request.validateOnly,
            context: call.context)
        return DeleteDoctorResponse(
            cancelledBookings: cancelled.bookings, refundedAmount: clinic.refunded(cancelled))
    }

    func setDoctorSchedule(_ request: SetDoctorScheduleRequest, _ call: AuthorizedCall) async throws -> Doctor
    {
        try refuse(preview: request.validateOnly)
        var fields = FieldReader()
        let week = fields.weeklyHours(request.weeklyHours, "weekly_hours")
        let hours = try fields.finish(week)
        let expected = try version(ofEtag: request.etag)
        let record = try await withOptimisticRetry(call, earlier: doctors.earlierAnswer) {
            let terms = try await doctors.terms(request.doctorID, start: call.now, for: call.context)
            if let expected, expected != terms.doctorVersion { throw Status(.staleEtag) }
            if let outside = hours.firstOutside(terms.hours) {
                throw Status(
                    .outsideDepartmentHours, field: "weekly_hours",
                    "the department is open \(terms.hours), not \(outside.hours)",
                    [("opens", terms.hours.opens.description), ("closes", terms.hours.closes.description)])
            }
            return terms
        } write: { terms in
            try await doctors.setWeeklyHours(hours, on: terms, context: call.context)
        }
        return Doctor(record, clinic)
    }

    private func merge(_ wanted: Doctor, into current: Doctor, _ mask: UpdateMask) -> Doctor {
        var merged = current
        if mask.changes("full_name", whenSet: !wanted.fullName.isEmpty) { merged.fullName = wanted.fullName }
        if mask.changes("registration_number", whenSet: !wanted.registrationNumber.isEmpty) {
            merged.registrationNumber = wanted.registrationNumber
        }
        if mask.changes("registration_expiry", whenSet: !wanted.registrationExpiry.isEmpty) {
            merged.registrationExpiry = wanted.registrationExpiry
        }
        if mask.changes("consultation_fee", whenSet: wanted.consultationFee != nil) {
            merged.consultationFee = wanted.consultationFee
        }
        if mask.changes("slot_minutes", whenSet: wanted.slotMinutes != 0) {
            merged.slotMinutes = wanted.slotMinutes
        }
        if mask.changes("gst_free", whenSet: wanted.gstFree) { merged.gstFree = wanted.gstFree }
        if mask.changes("department", whenSet: wanted.department != nil) {
            merged.department = wanted.department
        }
        return merged
    }

    /// The validated fields of a doctor, of a registration or of a merged update.
    private func draft(_ doctor: Doctor, in part: String? = nil) throws -> DoctorStore.Draft {
        var fields = FieldReader(of: part)
        let fullName = fields.text(doctor.fullName, .fullName)
        let number = fields.text(doctor.registrationNumber, .registrationNumber)
        let expiry = fields.date(doctor.registrationExpiry, "registration_expiry")
        let fee = try fields.fee(doctor.consultationFee, "consultation_fee", clinic)
        let slotMinutes = fields.slotMinutes(doctor.slotMinutes, "slot_minutes")
        return try DoctorStore.Draft(
            departmentID: doctor.department?.id ?? 0, fullName: fullName, registrationNumber: number,
            registrationExpiry: fields.finish(expiry), fee: fee, slotMinutes: slotMinutes,
            isGSTFree: doctor.gstFree)
    }
}
