// The settings that belong to the data. They are stored at the first start: with other ones the same rows would mean other times
// and amounts.
public import PostgreSQL

/// The settings of a clinic, as they are stored.
public struct SettingsRecord: Record, Hashable {
    /// The IANA name of the zone in which days and hours are read.
    public let timeZone: String
    /// The ISO 4217 code of all amounts.
    public let currency: String
    /// The goods and services tax; 1000 is ten per cent.
    public let gstBasisPoints: Int64
    /// How many seconds before the start leaving a booking refunds it in full.
    public let fullRefundSeconds: Int64
    /// How many seconds a hold lasts.
    public let holdSeconds: Int64
    /// Grows by one with every change.
    public let version: Int64

    static let columns = [
        "time_zone", "currency", "gst_basis_points", "full_refund_seconds", "hold_seconds", "version",
    ]

    init(reading row: inout Row) throws {
        timeZone = try row.text()
        currency = try row.text()
        gstBasisPoints = try row.int64()
        fullRefundSeconds = try row.int64()
        holdSeconds = try row.int64()
        version = try row.int64()
    }
}

/// Settings that somebody asks for; nil: as they are, or the usual one in a new clinic.
public struct WantedSettings: Sendable {
    /// An IANA name.
    public var timeZone: String?
    /// An ISO 4217 code.
    public var currency: String?
    /// 0 to 10 000.
    public var gstBasisPoints: Int64?
    /// Seconds.
    public var fullRefundSeconds: Int64?
    /// Seconds.
    public var holdSeconds: Int64?

    /// Nothing in particular.
    public init() {}
}

/// A setting that is asked for is not the one that is stored.
public struct SettingsConflict: Error, Sendable, Hashable {
    /// A setting of the table.
    public enum Setting: Sendable, Hashable {
        case timeZone, currency, gstBasisPoints, fullRefundSeconds, holdSeconds
    }

    /// Which.
    public let setting: Setting
    /// What is stored.
    public let stored: String

    /// A conflict of one setting.
    public init(setting: Setting, stored: String) {
        self.setting = setting
        self.stored = stored
    }
}

/// Reads, makes and changes the settings.
public struct SettingsStore: Sendable {
    fileprivate let database: Database

    /// The settings of this database.
    public init(database: Database) { self.database = database }

    /// The stored settings; in a database without any, those that are wanted are stored. Throws `SettingsConflict` when others
    /// are wanted.
    public static func settle(_ wanted: WantedSettings, url: String) async throws -> SettingsRecord {
        let stored = try await AdminConnection.withConnection(url: url) { connection in
            _ = try connection.query(
                """
                insert into clinic.settings (time_zone, currency, gst_basis_points, full_refund_seconds, hold_seconds)
                values (coalesce($1, 'Australia/Sydney'), coalesce($2, 'AUD'), coalesce($3::bigint, 1000),
                    coalesce($4::bigint, 86400), coalesce($5::bigint, 600))
                on conflict do nothing
                """, wanted.values)
            var row = try connection.query(
                "select \(SettingsRecord.columnList()) from clinic.settings")[0]
            return try SettingsRecord(reading: &row)
        }
        try check(wanted.timeZone, stored.timeZone, .timeZone)
        try check(wanted.currency, stored.currency, .currency)
        try check(wanted.gstBasisPoints, stored.gstBasisPoints, .gstBasisPoints)
        try check(wanted.fullRefundSeconds, stored.fullRefundSeconds, .fullRefundSeconds)
        try check(wanted.holdSeconds, stored.holdSeconds, .holdSeconds)
        return stored
    }

    private static func check<Value: Equatable & CustomStringConvertible>(
        _ wanted: Value?, _ stored: Value, _ setting: SettingsConflict.Setting
    ) throws(SettingsConflict) {
        guard wanted == nil || wanted == stored else {
            throw SettingsConflict(setting: setting, stored: stored.description)
        }
    }

    private static let configure = Mutation<SettingsRecord>("configure_clinic", parameterCount: 5)

    /// Changes settings. Servers that run with the old ones refuse all changes from then on. Refused with `hasBookings`,
    /// `hasAmounts`.
    public func change(_ wanted: WantedSettings, context: RequestContext) async throws -> SettingsRecord {
        try await Self.configure.run(on: database, context, wanted.values)
    }
}

extension SettingsStore {
    private static let replaceKeys = Mutation<SettingsRecord>("replace_signing_keys", parameterCount: 0)

    /// Forgets which keys servers sign with and ends every session, so that servers may start with other keys.
    public func replaceSigningKeys(context: RequestContext) async throws {
        _ = try await Self.replaceKeys.run(on: database, context, [])
    }
}

extension WantedSettings {
    fileprivate var values: [SQLValue] {
        [
            .text(timeZone), .text(currency), .int64(gstBasisPoints), .int64(fullRefundSeconds),
            .int64(holdSeconds),
        ]
    }
}
