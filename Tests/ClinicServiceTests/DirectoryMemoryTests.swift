// The directory in memory: it spares PostgreSQL the question, and nobody can tell by an answer that it does.

import ClinicMessages
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import TestWaiting
import Testing

@testable import ClinicService
@testable import ClinicStore

@Suite struct DirectoryMemoryTests {
    @Test func `what is in memory costs no round trip, and a booking only that of its write`() async throws {
        // Nor is it asked who is calling.
        try await withClinic(userAccessAge: .seconds(600)) { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let (anyone, patient) = (try await clinic.connect(), try await clinic.signUp())
            let department = try #require(doctor.department?.id)
            try await clinic.finishAccessLog()
            // On a busy machine the line may be unproven for a moment, and then PostgreSQL is asked.
            var isSpared = (reading: false, booking: false)
            for attempt in 0..<20 where !isSpared.reading || !isSpared.booking {
                try await clinic.isInMemory()
                var before = clinic.database.statistics
                try await anyone.call(DoctorServiceMethods.listDoctors, ListDoctorsRequest())
                #expect(try await anyone.doctor(doctor) == doctor)
                try await anyone.call(DepartmentServiceMethods.listDepartments, ListDepartmentsRequest())
                try await anyone.call(
                    DepartmentServiceMethods.getDepartment, GetDepartmentRequest(departmentID: department))
                if clinic.database.statistics.reads.statements == before.reads.statements {
                    isSpared.reading = true
                }

                try await patient.call(UserServiceMethods.getUser, GetUserRequest())
                try await clinic.isInMemory()
                before = clinic.database.statistics
                _ = try await patient.book(doctor, at: clinic.dateTime(hour: attempt))
                #expect(clinic.database.statistics.writes.statements == before.writes.statements + 1)
                if clinic.database.statistics.reads.statements == before.reads.statements {
                    isSpared.booking = true
                }
            }
            #expect(isSpared.reading)
            #expect(isSpared.booking)
        }
    }

    @Test func `pages from memory are those of the database`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            // Two departments by turns, one without a doctor, and one that is removed though it has doctors.
            try await clinic.run(
                """
                with department as (
                    insert into clinic.department (name, name_key, opens, closes, created_date, last_update, deleted_at)
                    select 'D' || number, 'd' || number, 480, 1080, '2026-01-01', '2026-01-02',
                        case when number = 3 then now() end
                    from generate_series(1, 4) as number
                    returning id
                ), chosen as (select id, row_number() over (order by id) as place from department)
                insert into clinic.doctor (department_id, full_name, registration_number, registration_expiry, fee,
                    slot_minutes, gst_free, weekly_hours, deleted_at)
                select chosen.id, 'Dr ' || number, 'M' || number, '2030-01-01', number, 5, number % 2 = 0,
                    case when number % 3 = 0 then array[540, 720] else '{}'::bigint[] end,
                    case when number % 7 = 0 then now() end
                from generate_series(1, 120) as number join chosen on place = number % 3 + 1
                order by number
                """)
            try await clinic.isInMemory()
            let store = DoctorStore(database: clinic.database)
            let departments = try await DepartmentStore(database: clinic.database).list(
                after: nil, limit: 1_000, for: nil)
            #expect(departments.count == 3)
            var listed: [Department] = []
            for size in [0, 1, 2] as [Int64] {
                listed = try await administrator.pages(
                    DepartmentServiceMethods.listDepartments, ListDepartmentsRequest(pageSize: size),
                    { ($0.departments, $0.nextPageToken) })
                #expect(listed == departments.map { Department($0) })
            }
            for department in [0, 1_000_000] + departments.map(\.id) + [departments[0].id + 2] {
                let records = try await store.list(
                    departmentID: department == 0 ? nil : department, after: nil, limit: 1_000, for: nil)
                for size in [0, 1, 7, 1_000] as [Int64] {
                    let doctors = try await administrator.pages(
                        DoctorServiceMethods.listDoctors,
                        ListDoctorsRequest(pageSize: size, departmentID: department),
                        { ($0.doctors, $0.nextPageToken) })
                    #expect(doctors == records.map { Doctor($0, clinic.settings) })
                }
            }
            // Who works nowhere is shown, and cannot be booked.
            let homeless = try await store.list(
                departmentID: departments[0].id + 2, after: nil, limit: 1, for: nil)[0]
            #expect(
                try await administrator.doctor(Doctor(id: homeless.id)) == Doctor(homeless, clinic.settings))
            let refusal = try await status {
                _ = try await administrator.book(Doctor(id: homeless.id), at: clinic.dateTime())
            }
            #expect(refusal?.errorInfo?.reason == "DOCTOR_NOT_FOUND")
        }
    }

    @Test func `a token of a page from memory is bound to caller and filter, and goes on in the database`()
        async throws
    {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctors = [
                try await clinic.doctor(by: administrator), try await clinic.doctor(by: administrator),
            ]
            try await clinic.isInMemory()
            let request = ListDoctorsRequest(pageSize: 1)
            let page = try await administrator.call(DoctorServiceMethods.listDoctors, request)
            #expect(page.doctors == [doctors[0]])
            let next = ListDoctorsRequest(pageSize: 1, pageToken: page.nextPageToken)
            for (session, department) in [
                (administrator, doctors[0].department?.id ?? 0), (administrator.anonymous, 0),
            ] {
                var wrong = next
                wrong.departmentID = department
                let refusal = try await status {
                    try await session.call(DoctorServiceMethods.listDoctors, wrong)
                }
                #expect(refusal?.errorInfo?.reason == "INVALID_PAGE_TOKEN")
            }
            try await administrator.call(
                DoctorServiceMethods.updateDoctor,
                UpdateDoctorRequest(doctorID: doctors[0].id, doctor: Doctor(fullName: "Dr New")))
            let rest = try await administrator.call(DoctorServiceMethods.listDoctors, next)
            #expect(rest.doctors == [doctors[1]] && rest.nextPageToken.isEmpty)
        }
    }

    @Test func `a directory beyond its limit is left in the database`() async throws {
        try await withClinic { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let reader = try await clinic.connect()
            try await clinic.isInMemory()
            let copy = """
                insert into clinic.doctor (department_id, full_name, registration_number, registration_expiry, fee,
                    slot_minutes, gst_free)
                select department_id, 'Dr ' || number, 'many' || number, registration_expiry, fee, slot_minutes, gst_free
                from clinic.doctor, generate_series($1::bigint, $2) as number where doctor.id = $3
                """
            try await clinic.run(copy, [.int64(2), .int64(Int64(DirectoryRecords.limit)), .int64(doctor.id)])
            try await clinic.isInMemory()
            try await clinic.run(copy, [.int64(0), .int64(0), .int64(doctor.id)])
            try await eventually("it is too large") {
                try await DirectoryRecords.read(from: clinic.database) == nil
            }
            try await eventually("the change is heard") {
                let before = clinic.database.statistics.reads.statements
                _ = try await reader.doctor(doctor)
                return clinic.database.statistics.reads.statements > before
            }
            for _ in 0..<100 {
                let before = clinic.database.statistics.reads.statements
                #expect(try await reader.doctor(doctor) == doctor)
                #expect(clinic.database.statistics.reads.statements > before)
            }
        }
    }
}

extension Session {
    func doctor(_ doctor: Doctor) async throws -> Doctor {
        try await call(DoctorServiceMethods.getDoctor, GetDoctorRequest(doctorID: doctor.id))
    }

    /// All items of a list, page by page.
    fileprivate func pages<Request: PagedRequest, Response: Message, Item>(
        _ method: ProtobufC.Method<Request, Response>, _ first: Request,
        _ content: (Response) -> (items: [Item], nextPageToken: String)
    ) async throws -> [Item] {
        var (request, all) = (first, [Item]())
        repeat {
            let (items, token) = content(try await call(method, request))
            if request.pageSize > 0 { #expect(items.count <= Int(request.pageSize)) }
            all += items
            request.pageToken = token
        } while !request.pageToken.isEmpty
        return all
    }
}

extension TestClinic {
    /// Waits until the directory is answered from memory.
    func isInMemory() async throws {
        let reader = try await connect()
        try await eventually("the directory is in memory") {
            let before = database.statistics.reads.statements
            try await reader.call(DepartmentServiceMethods.listDepartments, ListDepartmentsRequest())
            return database.statistics.reads.statements == before
        }
    }
}
