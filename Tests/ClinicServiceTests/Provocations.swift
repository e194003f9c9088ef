// Requests that provoke the reasons which need a clinic in trouble, each in a clinic of its own. All other reasons are
// provoked by rows of `refusalCases` in one clinic.

import ClinicMessages
import ClinicServer
import Foundation
import PostgreSQL
import RPC
import Synchronization
import TestCluster
import TestWaiting
import Testing

@testable import ClinicService

let provocations: [Reason: @Sendable () async throws -> Status?] = [
    .invalidResumeToken: {
        try await withClinic { clinic in
            let patient = try await clinic.signUp()
            return try await status { _ = try await Watch(of: patient, resumeToken: "none") }
        }
    },
    .tooManyWatches: {
        try await withClinic { clinic in
            let patient = try await clinic.signUp()
            var watches: [Watch] = []
            return try await status {
                while true {
                    let own = Session(
                        client: try await clinic.connect().client, token: patient.token,
                        userID: patient.userID)
                    for _ in 0..<100 { watches.append(try await Watch(of: own)) }
                }
            }
        }
    },
    .settingsChanged: {
        try await withClinic(storesSettings: true) { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patient = try await clinic.signUp()
            try await clinic.runAsOwner("update clinic.settings set version = version + 1")
            return try await status { _ = try await patient.book(doctor, at: clinic.dateTime()) }
        }
    },
    .tooManyBookings: {
        try await withClinic(maximumOpenBookings: 1) { clinic in
            let doctor = try await clinic.doctor(by: clinic.administrator())
            let patient = try await clinic.signUp()
            _ = try await patient.book(doctor, at: clinic.dateTime(hour: 9))
            return try await status { _ = try await patient.book(doctor, at: clinic.dateTime(hour: 10)) }
        }
    },
    .loginThrottled: {
        try await withClinic { clinic in
            let session = try await clinic.connect()
            func logIn() async throws -> Status? {
                try await status {
                    try await session.call(
                        UserServiceMethods.login,
                        LoginRequest(email: "nobody@example.org", password: "wrong"))
                }
            }
            for _ in 0..<3 { _ = try await logIn() }
            try await clinic.holdLoginThrottle()
            return try await logIn()
        }
    },
    .rateLimited: {
        try await withClinic(configure: { $0.rateLimits[.signUps] = Rate(interval: .seconds(3600), burst: 1) }
        ) {
            clinic in
            _ = try await clinic.signUp()
            return try await status { _ = try await clinic.signUp() }
        }
    },
    .overloaded: {
        // One change waits for a lock and one for the first, for longer than a server that takes nothing is trusted.
        try await withClinic(
            statementTimeout: .seconds(120), lockTimeout: .seconds(100), outageTolerance: .milliseconds(1)
        ) { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let refused = Mutex<Status?>(nil)
            let removals = (0..<2).map { _ in
                Contenders(backends: 1) { try await administrator.remove(doctor) }
            }
            _ = try await race(
                behind: "select from clinic.doctor where id = \(doctor.id) for update", in: [clinic], removals
            ) {
                try await eventually("no room for changes") { !clinic.admitsChanges }
                let refusal = try await status { try await administrator.remove(doctor) }
                refused.withLock { $0 = refusal }
            }
            return refused.withLock(\.self)
        }
    },
    .databaseUnavailable: {
        let proxy = try CuttingProxy(to: await TestCluster.makeDatabase())
        return try await withClinic(databaseURL: proxy.url) { clinic in
            let session = try await clinic.connect()
            proxy.refusesConnections = true
            proxy.stop()
            return try await status {
                try await session.call(DoctorServiceMethods.listDoctors, ListDoctorsRequest())
            }
        }
    },
    .outcomeUnknown: {
        let proxy = try CuttingProxy(to: await TestCluster.makeDatabase())
        defer { proxy.stop() }
        return try await withClinic(databaseURL: proxy.url) { clinic in
            let patient = try await clinic.signUp()
            let booking = try await patient.book(
                clinic.doctor(by: clinic.administrator()), at: clinic.dateTime())
            proxy.cut(.requestBytes(0), whenSeen: "PaymentService/PayBooking")
            return try await status { _ = try await patient.pay(booking) }
        }
    },
    .deadlineExceeded: {
        try await withClinic(statementTimeout: .milliseconds(500), lockTimeout: .seconds(100)) {
            clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            var refusal: Status?
            try await withWriters(1, clinic.databaseURL) { writers in
                try await writers[0].run(
                    "begin; select from clinic.doctor where id = \(doctor.id) for update")
                refusal = try await status { try await administrator.remove(doctor) }
                try await writers[0].run("rollback")
            }
            return refusal
        }
    },
    .staleVersion: {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            // Every attempt ends as one that loses a race does.
            try await clinic.execute(
                """
                create function clinic.lose() returns trigger language plpgsql as $$
                begin
                    raise exception 'lost' using errcode = '40001';
                end $$;
                create trigger lose before update on clinic.doctor for each row execute function clinic.lose()
                """)
            return try await status { try await administrator.remove(doctor) }
        }
    },
    .internalError: {
        try await withClinic { clinic in
            let administrator = try await clinic.administrator()
            // No request finds a defect that nobody knows of, so one is made.
            try await clinic.execute("drop table clinic.time_off cascade")
            return try await status {
                try await administrator.call(DoctorServiceMethods.listTimeOff, ListTimeOffRequest())
            }
        }
    },
]

extension TestClinic {
    /// Runs a script as an administrator of the database would.
    fileprivate func execute(_ script: String) async throws {
        try await AdminConnection.withConnection(url: databaseURL) { try $0.execute(script) }
    }
}

extension Session {
    fileprivate func remove(_ doctor: Doctor) async throws {
        try await call(DoctorServiceMethods.deleteDoctor, DeleteDoctorRequest(doctorID: doctor.id))
    }
}
