// Parameters. Each is sent in PostgreSQL's binary form with its type named, so the server never guesses a
// type and nothing is formatted or parsed as text on the way.

/// A parameter of a statement; `nil` is NULL.
public enum SQLValue: Hashable, Sendable {
    /// A bigint; the server narrows it when the column is smaller, or refuses it with 22003.
    case int64(Int64?)
    /// A boolean.
    case bool(Bool?)
    /// A text. One that holds U+0000 is refused by the server with 22021.
    case text(String?)
    /// A bytea.
    case bytes([UInt8]?)
    /// A timestamptz, in microseconds since the Unix epoch.
    case timestamp(Int64?)
    /// A date, in days since the Unix epoch.
    case date(Int?)
    /// A bigint[] without NULLs.
    case int64Array([Int64])
    /// A text[] without NULLs.
    case textArray([String])
}

extension SQLValue {
    /// PostgreSQL counts days from 2000-01-01 (2451545 in Julian days), Unix from 1970-01-01.
    static let epochDays = 10_957
    /// The same distance in microseconds.
    static let epochMicroseconds: Int64 = 946_684_800_000_000

    /// The type the parameter is sent as (pg_type.oid; those of built-in types never change).
    var type: UInt32 {
        switch self {
        case .int64: TypeIdentifier.int8
        case .bool: TypeIdentifier.bool
        case .text: TypeIdentifier.text
        case .bytes: TypeIdentifier.bytea
        case .timestamp: TypeIdentifier.timestamptz
        case .date: TypeIdentifier.date
        case .int64Array: TypeIdentifier.int8Array
        case .textArray: TypeIdentifier.textArray
        }
    }

    /// The type of an array of such values; nil for arrays.
    var arrayType: UInt32? {
        switch self {
        case .int64: TypeIdentifier.int8Array
        case .bool: TypeIdentifier.boolArray
        case .text: TypeIdentifier.textArray
        case .bytes: TypeIdentifier.byteaArray
        case .timestamp: TypeIdentifier.timestamptzArray
        case .date: TypeIdentifier.dateArray
        case .int64Array, .textArray: nil
        }
    }

    /// Refuses what has no binary form, before the statement is queued, where it can still fail alone.
    ///
    /// The largest and smallest values mean infinity to PostgreSQL and are refused too.
    static func check(_ parameters: [SQLValue]) throws(DatabaseError) {
        guard parameters.count <= 65_535 else {
            throw DatabaseError(.decoding, "a statement takes at most 65,535 parameters")
        }
        for parameter in parameters {
            switch parameter {
            case .timestamp(let value?) where serverTimestamp(value) == nil:
                throw DatabaseError(.server(.datetimeFieldOverflow), "the time is out of range")
            case .date(let value?) where serverDate(value) == nil:
                throw DatabaseError(.server(.datetimeFieldOverflow), "the date is out of range")
            default: break
            }
        }
    }

    static func serverTimestamp(_ microseconds: Int64) -> Int64? {
        let (value, overflow) = microseconds.subtractingReportingOverflow(epochMicroseconds)
        return overflow || value == .min || value == .max ? nil : value
    }

    static func serverDate(_ days: Int) -> Int32? {
        let (value, overflow) = days.subtractingReportingOverflow(epochDays)
        guard !overflow, let date = Int32(exactly: value), date != .min, date != .max else { return nil }
        return date
    }
}

/// The object identifiers of the built-in types this driver speaks (`SELECT oid, typname FROM pg_type`).
enum TypeIdentifier {
    static let bool: UInt32 = 16
    static let bytea: UInt32 = 17
    static let name: UInt32 = 19
    static let int8: UInt32 = 20
    static let int2: UInt32 = 21
    static let int4: UInt32 = 23
    static let text: UInt32 = 25
    static let json: UInt32 = 114
    static let unknown: UInt32 = 705
    static let boolArray: UInt32 = 1000
    static let byteaArray: UInt32 = 1001
    static let int2Array: UInt32 = 1005
    static let int4Array: UInt32 = 1007
    static let textArray: UInt32 = 1009
    static let varcharArray: UInt32 = 1015
    static let int8Array: UInt32 = 1016
    static let bpchar: UInt32 = 1042
    static let varchar: UInt32 = 1043
    static let date: UInt32 = 1082
    static let timestamp: UInt32 = 1114
    static let dateArray: UInt32 = 1182
    static let timestamptz: UInt32 = 1184
    static let timestamptzArray: UInt32 = 1185
    static let uuid: UInt32 = 2950
    static let jsonb: UInt32 = 3802
}
