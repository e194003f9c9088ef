// The settings of one deployment: its time zone, currency, tax and deadlines.

public import ClinicStore
public import Scheduling
internal import TimeZones

#if canImport(Glibc)
internal import Glibc
#endif

/// The settings that every rule is applied with.
public final class ClinicSettings: Sendable {
    /// The clinic's time zone, in which its hours and days are read.
    public let zone: TimeZoneRules
    /// The ISO 4217 code of all its prices.
    public let currency: String
    /// The goods and services tax on a fee.
    public let gst: GSTRate
    /// How many seconds before the start the deadline is until which leaving a booking refunds it in full.
    public let fullRefundBefore: Int64
    /// How many seconds a hold lasts.
    public let holdDuration: Int64

    /// How many open bookings a patient may have; staff book more for a patient.
    public let maximumOpenBookings: Int64

    /// A clinic's settings; a day's notice, holds of ten minutes and 20 open bookings by default.
    public init(
        zone: TimeZoneRules, currency: String = "AUD", gst: GSTRate = .standard,
        fullRefundBefore: Int64 = 86_400, holdDuration: Int64 = Hold.standardDuration,
        maximumOpenBookings: Int64 = 20
    ) {
        self.zone = zone
        self.currency = currency
        self.gst = gst
        self.fullRefundBefore = fullRefundBefore
        self.holdDuration = holdDuration
        self.maximumOpenBookings = maximumOpenBookings
    }

    /// Until when leaving a booking that is made for this start refunds it in full.
    func refundDeadline(ofStart start: Instant) -> Instant {
        start.adding(seconds: -fullRefundBefore) ?? start
    }

    /// The stored settings with those of this server. Throws a readable error when the zone is not known here.
    public convenience init(_ stored: SettingsRecord, maximumOpenBookings: Int64 = 20) throws {
        // A constraint of the table allows only rates that there are.
        self.init(
            zone: try TimeZoneDatabase.load(stored.timeZone), currency: stored.currency,
            gst: GSTRate(basisPoints: stored.gstBasisPoints) ?? .standard,
            fullRefundBefore: stored.fullRefundSeconds, holdDuration: stored.holdSeconds,
            maximumOpenBookings: maximumOpenBookings)
    }

    /// The day in the clinic's time zone at an instant.
    func day(at instant: Instant) throws -> CivilDate {
        guard let local = zone.localDateTime(at: instant) else { throw ClockOutOfRange() }
        return local.date
    }
}

/// The system clock is outside the years that dates can express.
struct ClockOutOfRange: Error {}

extension Instant {
    /// The present moment by the machine's clock (clock_gettime(2)).
    public static var now: Instant {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Instant(microsecondsSinceEpoch: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }
}
