// One call of a mutation function of the schema: one statement, one round trip, one row back.
//
// Every such function takes the request context first and returns (refusal, detail, result); this is the one place that
// knows so.
internal import PostgreSQL

/// Who asked for a mutation, by which method, and under which idempotency key.
public struct RequestContext: Sendable {
    /// The signed-in user, or nil.
    public var actorID: Int64?
    /// The full name of the RPC, `clinic.v1.BookingService/BookAppointment`.
    public var method: String
    /// The client's key and the SHA-256 digest of the request it came with, or nil.
    public var key: Key?
    /// With which others the call's mutations are sent; nil sends them at once.
    public var scheduling: (any StatementScheduling)?
    /// Calls with different keys take turns in the queues for the database; nil for what the program does by itself.
    public var fairnessKey: UInt64?

    /// A client's idempotency key, 1 to 128 printable ASCII characters, with the digest of its request.
    public struct Key: Sendable {
        /// The key as the client sent it.
        public var text: String
        /// 32 bytes over method and request.
        public var requestDigest: [UInt8]

        /// A key and the digest of its request.
        public init(text: String, requestDigest: [UInt8]) {
            self.text = text
            self.requestDigest = requestDigest
        }
    }

    /// The context of one call.
    public init(
        actorID: Int64?, method: String, key: Key? = nil, scheduling: (any StatementScheduling)? = nil,
        fairnessKey: UInt64? = nil
    ) {
        self.actorID = actorID
        self.method = method
        self.key = key
        self.scheduling = scheduling
        self.fairnessKey = fairnessKey
    }
}

/// A record that is read from columns which it names itself.
protocol Record: Sendable {
    /// The columns of its view, in the order in which `init` reads them.
    static var columns: [String] { get }
    init(reading row: inout Row) throws
}

extension Record {
    /// The columns as a select list; `row` is what they are columns of.
    static func columnList(of row: String? = nil) -> String {
        columns.map { column in row.map { "\($0).\(column)" } ?? column }.joined(separator: ", ")
    }
}

/// A mutation function of the schema, prepared once.
struct Mutation<Result: Record>: Sendable {
    private let statement: Statement
    private let isBatched: Bool

    /// - Parameters:
    ///   - function: its name.
    ///   - isBatched: whether it takes many callers at once. It then takes the parts of the context as parameters of their
    ///     own, and each parameter that is not the same for all callers as an array, and returns (call, refusal, detail,
    ///     result). An only caller is a batch of one.
    ///   - sharedParameters: how many parameters at the end are the same for all callers of a batch, and arrays themselves.
    ///   - parameterCount: its parameters after the context.
    ///   - locks: what it locks; without it, each call has a transaction of its own.
    init(
        _ function: String, isBatched: Bool = false, sharedParameters: Int = 0, parameterCount: Int,
        locks: LockedParameters? = nil
    ) {
        self.isBatched = isBatched
        let columns = "refusal, coalesce(detail, '{}'), \(Result.columnList(of: "(result)"))"
        let numbers = 1..<5 + parameterCount
        if isBatched {
            let arrays = numbers.map {
                $0 < numbers.upperBound - sharedParameters ? "array[$\($0)]" : "$\($0)"
            }
            statement = Statement(
                "select \(columns) from \(function)(\(arrays.joined(separator: ", ")))",
                batched:
                    "select call, \(columns) from \(function)(\(numbers.map { "$\($0)" }.joined(separator: ", ")))"
                    + " order by call", locks: locks?.places)
        } else {
            let parameters = numbers.dropFirst(4).map { ", $\($0)" }.joined()
            statement = Statement(
                "select \(columns) from \(function)(row($1, $2, $3, $4)::request_context\(parameters))",
                locks: locks?.places)
        }
    }

    /// Runs it on a write connection. A refusal is thrown as `Refusal`, a failure as `DatabaseError`.
    ///
    /// - Parameters:
    ///   - doctorID: whose time it takes, if that is what it may wait for others for. Otherwise that is what the same person
    ///     changes at the same time, but in a set, which any connection may take.
    ///   - affinityKey: what else it may wait for.
    func run(
        on database: Database, _ context: RequestContext, _ parameters: [SQLValue],
        ofDoctor doctorID: Int64? = nil, affinityKey: Int64? = nil
    ) async throws -> Result {
        let affinityKey = affinityKey ?? doctorID ?? (isBatched ? nil : context.actorID)
        guard var row = try await rows(database, context, context.values(then: parameters), affinityKey).first
        else { throw StoreError.noAnswer }
        return try answer(reading: &row)
    }

    /// Runs it, and runs the very same again while it is not known whether it was committed: with the same key it is
    /// answered with what was written then, or takes its effect now. Without a key that would be a second effect.
    private func rows(
        _ database: Database, _ context: RequestContext, _ parameters: [SQLValue], _ affinityKey: Int64?
    ) async throws(DatabaseError) -> Rows {
        do {
            return try await database.write(
                statement, parameters, affinityKey: affinityKey, for: context)
        } catch let lost where lost.kind == .outcomeUnknown && context.key != nil {
            for _ in 0..<4 {
                do {
                    return try await database.write(
                        statement, parameters, affinityKey: affinityKey, for: context)
                } catch  where error.kind == .outcomeUnknown {
                    continue
                } catch {
                    // Whatever became of the repetition, nobody has said what became of the first one.
                    throw lost
                }
            }
            throw lost
        }
    }
}

/// The answers that were stored with the keys of one kind of thing.
struct Replay<Answer: Record>: Sendable {
    private let statement: Statement

    /// - Parameter view: the view whose rows are the answers.
    init(_ view: String) {
        statement = Statement(
            "select refusal, coalesce(detail, '{}'), \(Answer.columnList(of: "(result)")) from replay"
                + "(row($1, $2, $3, $4)::request_context, null::\(view))", locks: LockedParameters().places)
    }

    /// The answer that the context's key was given before, or nil. Refused with `keyReused`.
    ///
    /// It takes the way of the writes, which know a twin that is under way, and waits for it.
    func run(on database: Database, _ context: RequestContext) async throws -> Answer? {
        let rows = try await database.write(
            statement, context.values(then: []), fairnessKey: context.fairnessKey)
        guard var row = rows.first else { return nil }
        return try answer(reading: &row)
    }
}

extension RequestContext {
    /// The fields of request_context, then the parameters behind it.
    fileprivate func values(then parameters: [SQLValue]) -> [SQLValue] {
        var values: [SQLValue] = []
        values.reserveCapacity(4 + parameters.count)
        values.append(.int64(actorID))
        values.append(.text(method))
        values.append(.text(key?.text))
        values.append(.bytes(key?.requestDigest))
        values += parameters
        return values
    }
}

/// Reads (refusal, detail, result).
private func answer<Answer: Record>(reading row: inout Row) throws -> Answer {
    let refusal = try row.optionalText()
    let detail = try row.textArray()
    if let refusal { throw try Refusal(named: refusal, detail: detail) }
    return try Answer(reading: &row)
}

/// A mutation function answered against its contract: a defect of ours, never of the caller.
enum StoreError: Error {
    case noAnswer
    case unknownRefusal
    case unknownValue
}
