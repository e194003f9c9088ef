// Brings what the old REST service stored into the form of this one: a `ClinicHistory` with the old ids, and a report of
// every row that could not come as it was. It is pure: the same rows at the same moment give the same history.

public import ClinicService
public import ClinicStore
public import Scheduling

/// The rules of an import.
public struct LegacyImport: Sendable {
    /// The time zone, currency and tax of the clinic.
    public let settings: ClinicSettings
    /// What is past and what is ahead is told by it.
    public let now: Instant
    /// How long the visits of all doctors last, which the old database does not say.
    public let grid: SlotGrid

    /// Rules of an import at a moment.
    public init(settings: ClinicSettings, now: Instant, grid: SlotGrid) {
        self.settings = settings
        self.now = now
        self.grid = grid
    }

    /// The history, ready to be written into an empty database, and what was changed or left out on the way. Throws
    /// `ImportError`.
    public func translate(_ rows: LegacyRows) throws -> (history: ClinicHistory, report: ImportReport) {
        guard let today = settings.zone.localDateTime(at: now)?.date else {
            throw ImportError.clockOutOfRange
        }
        var report = ImportReport()
        var history = ClinicHistory(method: "clinicd/import-legacy")
        let people = ImportedPeople(rows.users, at: now, &report)
        history.patients = people.patients
        let directory = ImportedDirectory(rows, self, today: today, &report)
        history.departments = directory.departments
        history.doctors = directory.doctors
        let payments = ImportedPayments(rows, &report)
        var visits = ImportedVisits(self, people, directory, payments)
        try visits.make(rows.bookings, &report)
        history.bookings = visits.bookings
        payments.reportUnused(by: visits, &report)
        return (history, report)
    }
}

/// Why nothing can be imported.
public enum ImportError: Error, Sendable, CustomStringConvertible {
    /// The clock shows a year that the calendar does not have.
    case clockOutOfRange
    /// The amounts of a booking are too large.
    case amountOutOfRange(bookingID: Int64)

    /// The error in words for an administrator.
    public var description: String {
        switch self {
        case .clockOutOfRange: "the clock is wrong"
        case .amountOutOfRange(let id): "the amounts of booking \(id) are too large"
        }
    }
}
