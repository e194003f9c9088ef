// The directory in memory when it changes: here, through another server, and while nobody tells of it.

import ClinicMessages
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import TestCluster
import TestWaiting
import Testing

@testable import ClinicService
@testable import ClinicStore

extension DirectoryMemoryTests {
    @Test func `every change through a server is read back from it at once, whatever is heard`() async throws
    {
        try await withClinic { clinic in
            try await clinic.muteChanges()
            let administrator = try await clinic.administrator()
            func departments() async throws -> [Department] {
                try await clinic.isInMemory()
                return try await administrator.call(
                    DepartmentServiceMethods.listDepartments, ListDepartmentsRequest()
                ).departments
            }
            #expect(try await departments().isEmpty)
            // Each goes on from what is in memory, and looks right after its change.
            func sees<Request: Message, Answer: Message>(
                _ method: ProtobufC.Method<Request, Answer>, _ request: Request,
                _ isSeen: (Answer, [Department], [Doctor]) -> Bool
            ) async throws -> Answer {
                try await clinic.isInMemory()
                let answer = try await administrator.call(method, request)
                let departments = try await administrator.call(
                    DepartmentServiceMethods.listDepartments, ListDepartmentsRequest())
                let doctors = try await administrator.call(
                    DoctorServiceMethods.listDoctors, ListDoctorsRequest())
                #expect(isSeen(answer, departments.departments, doctors.doctors), "\(method.name)")
                return answer
            }
            let department = try await sees(
                DepartmentServiceMethods.createDepartment,
                CreateDepartmentRequest(
                    departmentName: "Heart", operatingStartHour: "00:00", operatingEndHour: "24:00")
            ) { answer, departments, _ in departments == [answer] }
            _ = try await sees(
                DepartmentServiceMethods.updateDepartment,
                UpdateDepartmentRequest(
                    departmentID: department.id, department: Department(departmentName: "Lung"))
            ) { answer, departments, _ in departments == [answer] }
            let doctor = try await sees(
                DoctorServiceMethods.registerDoctor,
                RegisterDoctorRequest(
                    departmentID: department.id, fullName: "Dr Who", registrationNumber: "R1",
                    registrationExpiry: "2099-12-31", consultationFee: Money(minorUnits: 100))
            ) { answer, _, doctors in doctors == [answer] }
            _ = try await sees(
                DoctorServiceMethods.updateDoctor,
                UpdateDoctorRequest(doctorID: doctor.id, doctor: Doctor(fullName: "Dr New"))
            ) { answer, _, doctors in doctors == [answer] }
            _ = try await sees(
                DoctorServiceMethods.setDoctorSchedule,
                SetDoctorScheduleRequest(
                    doctorID: doctor.id,
                    weeklyHours: [WorkingHours(day: .monday, startHour: "09:00", endHour: "12:00")])
            ) { answer, _, doctors in doctors == [answer] }
            var version = try await administrator.doctor(doctor).etag
            let timeOff = try await sees(
                DoctorServiceMethods.createTimeOff,
                CreateTimeOffRequest(doctorID: doctor.id, firstDay: clinic.day())
            ) { _, _, doctors in doctors.map { $0.etag } != [version] }
            version = try await administrator.doctor(doctor).etag
            _ = try await sees(
                DoctorServiceMethods.deleteTimeOff, DeleteTimeOffRequest(timeOffID: timeOff.id)
            ) { _, _, doctors in doctors.map { $0.etag } != [version] }
            _ = try await sees(
                DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctor.id)
            ) { _, _, doctors in doctors.isEmpty }
            _ = try await sees(
                DepartmentServiceMethods.deleteDepartment,
                DeleteDepartmentRequest(departmentID: department.id)
            ) { _, departments, _ in departments.isEmpty }
        }
    }

    @Test func `a reading that meets a change never brings back what was before it`() async throws {
        try await withClinic { clinic in
            try await clinic.muteChanges()
            let administrator = try await clinic.administrator()
            var doctor = try await clinic.doctor(by: administrator)
            var readers: [Task<Void, any Error>] = []
            for _ in 0..<4 {
                let reader = try await clinic.connect()
                readers.append(
                    Task {
                        while !Task.isCancelled {
                            try await reader.call(DoctorServiceMethods.listDoctors, ListDoctorsRequest())
                        }
                    })
            }
            for fee in 1...300 as ClosedRange<Int64> {
                doctor = try await administrator.call(
                    DoctorServiceMethods.updateDoctor,
                    UpdateDoctorRequest(
                        doctorID: doctor.id, doctor: Doctor(consultationFee: Money(minorUnits: fee))))
                for _ in 0..<5 { #expect(try await administrator.doctor(doctor) == doctor) }
            }
            for reader in readers { reader.cancel() }
        }
    }

    @Test func `a change through another server is seen within moments`() async throws {
        try await withClinic { one in
            try await withClinic(databaseURL: one.databaseURL) { other in
                let administrator = try await one.administrator()
                let reader = try await other.connect()
                // Also who was made a moment ago is there for whoever asks by number.
                var doctor = try await one.doctor(by: administrator)
                #expect(try await reader.doctor(doctor) == doctor)
                for fee in 1...10 as ClosedRange<Int64> {
                    try await other.isInMemory()
                    doctor = try await administrator.call(
                        DoctorServiceMethods.updateDoctor,
                        UpdateDoctorRequest(
                            doctorID: doctor.id, doctor: Doctor(consultationFee: Money(minorUnits: fee))))
                    try await eventually("the change is seen") { try await reader.doctor(doctor) == doctor }
                }
                let another = try await one.doctor(by: administrator)
                #expect(try await reader.doctor(another) == another)
            }
        }
    }

    @Test func `without the line nothing is served from memory, and with it again it is`() async throws {
        let proxy = try CuttingProxy(to: try await TestCluster.makeDatabase())
        defer { proxy.stop() }
        try await withClinic(databaseURL: proxy.url) { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let reader = try await clinic.connect()
            try await clinic.isInMemory()
            proxy.refusesConnections = true
            try await clinic.endListeningProcess()
            try await eventually("the loss") { !clinic.database.statistics.isListening }
            for fee in 1...5 as ClosedRange<Int64> {
                try await clinic.run("update clinic.doctor set fee = $1", [.int64(fee)])
                #expect(try await reader.doctor(doctor).consultationFee?.minorUnits == fee)
            }
            proxy.refusesConnections = false
            try await clinic.isInMemory()
            #expect(try await reader.doctor(doctor).consultationFee?.minorUnits == 5)
        }
    }

    @Test func `a line whose other end hangs counts as lost within a second`() async throws {
        // It is not given up, so that nothing but the missing proof tells.
        try await withClinic(probeTimeout: .seconds(600)) { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let reader = try await clinic.connect()
            try await clinic.isInMemory()
            let process = try #require(try await clinic.listeningProcess())
            kill(process, SIGSTOP)
            defer { kill(process, SIGCONT) }
            try await clinic.run("update clinic.doctor set fee = 5")
            try await eventually("the change is seen") {
                try await reader.doctor(doctor).consultationFee?.minorUnits == 5
            }
            try await clinic.run("update clinic.doctor set fee = 6")
            #expect(try await reader.doctor(doctor).consultationFee?.minorUnits == 6)
            kill(process, SIGCONT)
            try await clinic.isInMemory()
            #expect(try await reader.doctor(doctor).consultationFee?.minorUnits == 6)
        }
    }

    @Test func `a booking decided on what is no more is decided again on what is`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(fee: 1_000, by: administrator)
            let patient = try await clinic.signUp()
            try await clinic.muteChanges()

            try await clinic.isInMemory()
            try await clinic.run("update clinic.doctor set fee = 2000, version = version + 1")
            let booking = try await patient.book(doctor, at: clinic.dateTime(), key: "once")
            #expect(try await patient.pay(booking).totalFee?.minorUnits == 2_200)
            #expect(try await patient.book(doctor, at: clinic.dateTime(), key: "once") == booking)

            try await clinic.isInMemory()
            try await clinic.run("update clinic.doctor set slot_minutes = 60, version = version + 1")
            let refusal = try await status {
                _ = try await patient.book(doctor, at: clinic.dateTime(hour: 12, minute: 30))
            }
            #expect(refusal?.errorInfo?.reason == "OFF_GRID")

            // A no is not taken from memory either.
            try await clinic.isInMemory()
            try await clinic.run("update clinic.doctor set slot_minutes = 20, version = version + 1")
            try await patient.hold(doctor, at: clinic.dateTime(hour: 14, minute: 20))
        }
    }

    @Test func `time off that comes or goes counts for the next booking`() async throws {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patient = try await clinic.signUp()
            try await clinic.isInMemory()
            let timeOff = try await administrator.takeOff(doctor, day: clinic.day())
            for _ in 0..<2 {
                let refusal = try await status { _ = try await patient.book(doctor, at: clinic.dateTime()) }
                #expect(refusal?.errorInfo?.reason == "TIME_OFF")
                try await clinic.isInMemory()
            }
            try await administrator.call(
                DoctorServiceMethods.deleteTimeOff, DeleteTimeOffRequest(timeOffID: timeOff.id))
            _ = try await patient.book(doctor, at: clinic.dateTime())
        }
    }
}

extension TestClinic {
    /// Has changes of the directory notify nobody.
    fileprivate func muteChanges() async throws {
        try await AdminConnection.withConnection(url: databaseURL) { connection in
            try connection.execute(
                """
                alter table clinic.department disable trigger department_change;
                alter table clinic.doctor disable trigger doctor_change;
                alter table clinic.time_off disable trigger time_off_change
                """)
        }
    }

    /// The process of PostgreSQL that listens for this clinic.
    fileprivate func listeningProcess() async throws -> Int32? {
        let rows = try await database.read(
            Statement(
                """
                select pid from pg_stat_activity
                where datname = current_database() and query = 'SELECT pg_backend_pid()'
                """))
        guard var row = rows.first else { return nil }
        return Int32(exactly: try row.int64())
    }

    fileprivate func endListeningProcess() async throws {
        let process = try #require(try await listeningProcess())
        try await TestCluster.administer("select pg_terminate_backend($1::int)", [.int64(Int64(process))])
    }
}
