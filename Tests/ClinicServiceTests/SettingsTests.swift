// The settings that are stored with the data: made once, changed knowingly, and never gone by when they are old.

import ClinicMessages
import ClinicService
import ClinicStore
import PostgreSQL
import ProtobufC
import RPCMessages
import TestCluster
import TestWaiting
import Testing

@Suite struct SettingsTests {
    private func wanted(_ change: (inout WantedSettings) -> Void) -> WantedSettings {
        var wanted = WantedSettings()
        change(&wanted)
        return wanted
    }

    /// How a change by `clinicd configure` ends: OK or the name of the refusal.
    private func configure(_ url: String, _ change: (inout WantedSettings) -> Void) async throws -> String {
        let database = try await openDatabase(url)
        defer { Task { await database.close() } }
        do {
            _ = try await SettingsStore(database: database).change(
                wanted(change), context: RequestContext(actorID: nil, method: "clinicd/configure"))
            return "OK"
        } catch let refusal as Refusal {
            return refusal.reason.rawValue
        }
    }

    @Test func `the first start stores the settings, and later ones have to agree`() async throws {
        let url = try await TestCluster.makeDatabase()
        try await openDatabase(url).close()
        let first = try await SettingsStore.settle(
            wanted {
                $0.timeZone = "Asia/Tokyo"
                $0.currency = "JPY"
            }, url: url)
        #expect(first.timeZone == "Asia/Tokyo" && first.currency == "JPY" && first.gstBasisPoints == 1_000)
        #expect(first.fullRefundSeconds == 86_400 && first.holdSeconds == 600 && first.version == 1)
        #expect(try await SettingsStore.settle(WantedSettings(), url: url) == first)
        #expect(try await SettingsStore.settle(wanted { $0.currency = "JPY" }, url: url) == first)
        await #expect(throws: SettingsConflict(setting: .currency, stored: "JPY")) {
            _ = try await SettingsStore.settle(wanted { $0.currency = "AUD" }, url: url)
        }
        await #expect(throws: SettingsConflict(setting: .timeZone, stored: "Asia/Tokyo")) {
            _ = try await SettingsStore.settle(wanted { $0.timeZone = "Australia/Sydney" }, url: url)
        }
        await #expect(throws: SettingsConflict(setting: .holdSeconds, stored: "600")) {
            _ = try await SettingsStore.settle(wanted { $0.holdSeconds = 60 }, url: url)
        }
    }

    @Test func `zone and currency change only while nothing means something else by it`() async throws {
        try await withClinic(storesSettings: true) { clinic in
            let url = clinic.databaseURL
            #expect(try await configure(url) { $0.timeZone = "Australia/Perth" } == "OK")
            #expect(try await configure(url) { $0.timeZone = "Australia/Sydney" } == "OK")
            let after = try await SettingsStore.settle(WantedSettings(), url: url)
            #expect(after.version == 3)
            let trail = """
                select count(*) from clinic.event
                where method = 'clinicd/configure' and entity = 'settings' and change -> 'to' ->> 'time_zone' is not null
                """
            #expect(try await clinic.count(trail) == 2)
            // What is so already is no change.
            #expect(try await configure(url) { $0.timeZone = "Australia/Sydney" } == "OK")
            #expect(try await clinic.count(trail) == 2)
        }
        try await withClinic { clinic in
            let url = clinic.databaseURL
            _ = try await SettingsStore.settle(WantedSettings(), url: url)
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            #expect(try await configure(url) { $0.currency = "NZD" } == "HAS_AMOUNTS")
            #expect(try await configure(url) { $0.timeZone = "Australia/Perth" } == "OK")
            _ = try await clinic.signUp().book(doctor, at: clinic.dateTime())
            #expect(try await configure(url) { $0.timeZone = "Australia/Sydney" } == "HAS_BOOKINGS")
            #expect(try await configure(url) { $0.gstBasisPoints = 1_500 } == "OK")
            #expect(try await configure(url) { $0.fullRefundSeconds = 3_600 } == "OK")
            #expect(try await configure(url) { $0.holdSeconds = 60 } == "OK")
        }
    }

    @Test func `a server with the settings of before changes nothing more`() async throws {
        try await withClinic(storesSettings: true) { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patient = try await clinic.signUp()
            let booking = try await patient.book(doctor, at: clinic.dateTime())
            #expect(try await configure(clinic.databaseURL) { $0.gstBasisPoints = 1_500 } == "OK")
            let calls: [@Sendable () async throws -> Void] = [
                { _ = try await patient.book(doctor, at: clinic.dateTime(hour: 12)) },
                { _ = try await patient.hold(doctor, at: clinic.dateTime(hour: 13)) },
                { _ = try await patient.reschedule(booking, to: clinic.dateTime(hour: 14)) },
                { _ = try await patient.cancel(booking) },
                { _ = try await patient.pay(booking) },
                { _ = try await clinic.doctor(by: administrator) },
            ]
            for call in calls { #expect(try await ending(of: call) == "SETTINGS_CHANGED") }
            #expect(try await race(calls) == ["SETTINGS_CHANGED": calls.count])
            #expect(try await patient.get(booking).status == .booked)
            // Told to load balancers by /readyz and the health checks.
            try await eventually("the server knows") { clinic.database.statistics.obstacleToChanges != nil }
        }
    }

    @Test func `bookings that wait while the settings change are not made by the old ones`() async throws {
        try await withClinic(storesSettings: true, writeConnections: 1) { clinic in
            let administrator = try await clinic.administrator()
            let doctor = try await clinic.doctor(by: administrator)
            let patients = try await clinic.patients(4)
            // Department and settings change together, as configure_clinic changes them.
            let change = """
                update clinic.settings set version = version + 1;
                update clinic.department set settings_version = settings_version + 1
                """
            let calls = Contenders(backends: 1, each: patients.enumerated()) { index, patient in
                _ = try await patient.book(doctor, at: clinic.dateTime(hour: 9 + index))
            }
            let endings = try await race(behind: change, in: [clinic], [calls])
            #expect(endings == [["SETTINGS_CHANGED": 4]])
            #expect(try await clinic.count("select count(*) from clinic.booking") == 0)
        }
    }
}
