// Creates the data of a scenario through the API as an administrator, so that it works on any deployment, but only
// with an administrator's permission.

internal import ClinicClient
internal import ClinicMessages
internal import FoundationEssentials
internal import ProtobufC
internal import RPC

/// Creates and removes the data of a run.
struct ScenarioSetup {
    let options: ScenarioOptions
    let administrator: ClinicClient
    /// A label that is unique in the deployment.
    let label: String

    private var password: String { "load-test-\(label)" }

    init(_ options: ScenarioOptions, _ administrator: ClinicClient) {
        self.options = options
        self.administrator = administrator
        // The seed identifies the run; the random part distinguishes runs with the same seed.
        label = "\(options.seed)-\(String(UInt32.random(in: .min ... .max), radix: 16))"
    }

    /// Creates all data. Throws the server's error.
    func create(now: Int64) async throws -> (data: ScenarioData, sessions: [LoginResponse]) {
        options.progress("creating a department, \(options.doctors) doctors, \(options.patients) patients")
        let department = try await administrator.call(
            DepartmentServiceMethods.createDepartment,
            CreateDepartmentRequest(
                departmentName: "Load test \(label)", operatingStartHour: "00:00", operatingEndHour: "24:00"))
        let doctors = try await concurrently(options.doctors, width: 16) { number in
            try await administrator.call(
                DoctorServiceMethods.registerDoctor,
                RegisterDoctorRequest(
                    departmentID: department.id, fullName: "Load test \(number + 1)",
                    registrationNumber: registration(number), registrationExpiry: "2099-12-31",
                    consultationFee: Money(minorUnits: 20_099),
                    slotMinutes: ScenarioGrid.slotSeconds / 60)
            ).id
        }
        let patients = try await concurrently(options.patients, width: 4, progress: "patients") { number in
            try await administrator.call(
                UserServiceMethods.createUser,
                CreateUserRequest(
                    firstName: "Load test", lastName: "Patient \(number + 1)", phone: "0400000000",
                    email: email(number), password: password),
                // With a token the call has an idempotency key and can be retried.
                options: CallOptions(sendsToken: true)
            ).id
        }
        let sessions = try await concurrently(options.sessions, width: 4) { number in
            try await administrator.call(
                UserServiceMethods.login, LoginRequest(email: email(number), password: password))
        }
        let grid = ScenarioGrid(doctors: options.doctors, patients: options.patients, now: now)
        var data = ScenarioData(
            label: label, grid: grid, departmentID: department.id, doctorIDs: doctors, patientIDs: patients,
            weeks: (0..<ScenarioGrid.weeks).map { Self.day(grid.firstStart + Int64($0) * 7 * 86_400) },
            reportDays: Self.day(now - 6 * 86_400)...Self.day(now),
            tokens: ScenarioTokens(
                administrator: administrator.token ?? "", patients: sessions.map(\.token)))
        data.fill = try await fill(data)
        return (data, sessions)
    }

    /// Books a random half of the slots of the first weeks.
    private func fill(_ data: ScenarioData) async throws -> [AcknowledgedBooking] {
        guard options.fillWeeks > 0 else { return [] }
        var generator = SeededGenerator(seed: options.seed)
        let slots = (0..<UInt32(data.grid.doctors * options.fillWeeks * 7 * 288))
            .filter { _ in generator.next() & 1 == 0 }.map { ScenarioGrid.Slot(number: $0) }
        return try await concurrently(slots.count, width: 64, progress: "bookings ahead") { number in
            let patient = data.grid.patient(of: slots[number])
            let request = BookAppointmentRequest(
                doctorID: data.doctorIDs[data.grid.doctor(of: slots[number])],
                time: .startTime(ProtobufTimestamp(seconds: data.grid.start(of: slots[number]))),
                userID: data.patientIDs[patient])
            let booking = try await administrator.call(BookingServiceMethods.bookAppointment, request)
            return AcknowledgedBooking(id: booking.id, slot: slots[number], patient: UInt32(patient))
        }
    }

    /// Removes all data. Doctors are removed two at a time, because each has thousands of bookings to cancel.
    func remove(_ data: ScenarioData) async throws {
        _ = try await concurrently(data.doctorIDs.count, width: 2, progress: "doctors removed") { number in
            try await administrator.call(
                DoctorServiceMethods.deleteDoctor,
                DeleteDoctorRequest(doctorID: data.doctorIDs[number], force: true))
        }
        _ = try await administrator.call(
            DepartmentServiceMethods.deleteDepartment,
            DeleteDepartmentRequest(departmentID: data.departmentID, force: true))
        _ = try await concurrently(data.patientIDs.count, width: 4, progress: "patients erased") { number in
            try await administrator.call(
                UserServiceMethods.eraseUser, EraseUserRequest(userID: data.patientIDs[number]))
        }
    }

    private func registration(_ number: Int) -> String {
        // At most 32 characters: up to 20 for the seed and 9 for the rest of the label.
        "\(String(options.seed, radix: 36))-\(label.suffix(8))-\(number)"
    }

    private func email(_ number: Int) -> String { "load-test-\(label)-\(number)@load-test.example" }

    private static func day(_ seconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601.year().month().day())
    }

    /// Runs `body` `count` times, `width` at once, and returns the results in order. The first failure ends it.
    private func concurrently<Result: Sendable>(
        _ count: Int, width: Int, progress: String? = nil,
        _ body: @escaping @Sendable (Int) async throws -> Result
    ) async throws -> [Result] {
        var results = [Result?](repeating: nil, count: count)
        try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            var (started, done) = (0, 0)
            var shown = ContinuousClock.now
            while done < count {
                while started < count, started - done < width {
                    let number = started
                    group.addTask { (number, try await body(number)) }
                    started += 1
                }
                guard let (number, result) = try await group.next() else { break }
                results[number] = result
                done += 1
                if let progress, ContinuousClock.now - shown > .seconds(1) {
                    shown = .now
                    options.progress("\(done) of \(count) \(progress)")
                }
            }
        }
        return results.compactMap { $0 }
    }
}
