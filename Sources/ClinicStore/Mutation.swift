// One call of a mutation function of the migrations: one statement, one round trip, one row back.
//
// Every such function takes the origin first and answers (refusal, detail, answer); this is the one place that
// knows so.
internal import PostgreSQL

/// Who asked for a mutation, by which method, and under which idempotency key.
public struct Origin: Sendable {
    /// The signed-in user, or nil.
    public var actorID: Int64?
    /// The full name of the RPC, `clinic.v1.BookingService/BookAppointment`.
    public var method: String
    /// The client's key and the SHA-256 digest of the request it came with, or nil.
    public var key: Key?
    /// With which others the call's mutations are sent; nil sends them at once.
    public var scheduling: (any StatementScheduling)?

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

    /// The origin of one call.
    public init(
        actorID: Int64?, method: String, key: Key? = nil, scheduling: (any StatementScheduling)? = nil
    ) {
        self.actorID = actorID
        self.method = method
        self.key = key
        self.scheduling = scheduling
    }
}

/// A record that knows how to read itself from the columns of its view, in their order.
protocol Record: Sendable {
    init(reading row: inout Row) throws
}

/// A mutation function of the schema, prepared once.
struct Mutation<Answer: Record>: Sendable {
    private let statement: Statement
    private let comesInSets: Bool

    /// - Parameters:
    ///   - function: its name without schema.
    ///   - set: the function that does the same for a set of callers, if there is one; it takes the parts of the origin
    ///     as parameters of their own and answers (call, refusal, detail, answer).
    ///   - parameterCount: its parameters after the origin.
    init(_ function: String, set: String? = nil, parameterCount: Int) {
        let parameters = (5..<5 + parameterCount).map { ", $\($0)" }.joined()
        let columns = "refusal, coalesce(detail, '{}'), (answer).*"
        comesInSets = set != nil
        statement = Statement(
            "select \(columns) from clinic.\(function)(row($1, $2, $3, $4)::clinic.origin\(parameters))",
            batched: set.map {
                "select call, \(columns) from clinic.\($0)($1, $2, $3, $4\(parameters)) order by call"
            })
    }

    /// Runs it on a write connection. A refusal is thrown as `Refusal`, a failure as `DatabaseError`.
    ///
    /// - Parameter doctorID: whose time it takes, if that is what it may wait for others for. Otherwise that is what the
    ///   same person changes at the same time, but in a set, which any connection may take.
    func run(
        on database: Database, _ origin: Origin, _ parameters: [SQLValue], ofDoctor doctorID: Int64? = nil
    ) async throws -> Answer {
        let affinityKey = doctorID ?? (comesInSets ? nil : origin.actorID)
        guard var row = try await rows(database, origin, origin.values + parameters, affinityKey).first
        else { throw StoreError.noAnswer }
        return try answer(reading: &row)
    }

    /// Runs it, and runs the very same again while it is not known whether it was committed: with the same key it is
    /// answered with what was written then, or takes its effect now. Without a key that would be a second effect.
    private func rows(
        _ database: Database, _ origin: Origin, _ parameters: [SQLValue], _ affinityKey: Int64?
    ) async throws(DatabaseError) -> Rows {
        do {
            return try await database.write(
                statement, parameters, affinityKey: affinityKey, scheduling: origin.scheduling)
        } catch let lost where lost.kind == .outcomeUnknown && origin.key != nil {
            for _ in 0..<4 {
                do {
                    return try await database.write(
                        statement, parameters, affinityKey: affinityKey, scheduling: origin.scheduling)
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

    /// - Parameter view: the view without schema whose rows are the answers.
    init(_ view: String) {
        statement = Statement(
            "select refusal, coalesce(detail, '{}'), (answer).* from clinic.replay"
                + "(row($1, $2, $3, $4)::clinic.origin, null::clinic.\(view))")
    }

    /// The answer that the origin's key was given before, or nil. Refused with `keyReused`.
    ///
    /// It takes the way of the writes, which know a twin that is under way, and waits for it.
    func run(on database: Database, _ origin: Origin) async throws -> Answer? {
        guard var row = try await database.write(statement, origin.values).first else { return nil }
        return try answer(reading: &row)
    }
}

extension Origin {
    /// The fields of clinic.origin.
    fileprivate var values: [SQLValue] {
        [.int64(actorID), .text(method), .text(key?.text), .bytes(key?.requestDigest)]
    }
}

/// Reads (refusal, detail, answer).
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
