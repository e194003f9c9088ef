// What an import changed or left out, row by row, so that nothing is lost or guessed in silence.

/// The lines of a report, and the amounts before and after.
public struct ImportReport: Sendable {
    /// A table of the old database.
    public enum Table: String, Sendable {
        case users, department, doctor, booking, transaction
    }

    /// What became of a row.
    public enum Outcome: String, Sendable, CaseIterable {
        /// It came with another value.
        case changed
        /// It did not come.
        case leftOut = "left out"
        /// Its amounts do not add up; it came only because differences were accepted.
        case difference
        /// It came as it was, and somebody should look at it.
        case noted
    }

    /// One finding about one row. It never holds a name, an address or a number of a person.
    public struct Line: Sendable, Equatable {
        /// Where the row was.
        public let table: Table
        /// Its id.
        public let id: Int64
        /// What became of it.
        public let outcome: Outcome
        /// Why, in upper case with underscores, for programs.
        public let reason: String
        /// Why and how, for people.
        public let explanation: String
    }

    /// Amounts in minor units.
    public struct Sums: Sendable, Equatable {
        /// What was paid.
        public var paid: Int64 = 0
        /// What was given back.
        public var refunded: Int64 = 0
    }

    /// All findings: users, departments, doctors, then bookings and transactions, each by id.
    public private(set) var lines: [Line] = []
    /// What the old transactions say, those that were left out included.
    public internal(set) var before = Sums()
    /// What the new transactions say.
    public internal(set) var after = Sums()
    /// What is in the transactions that were left out.
    public internal(set) var leftOut = Sums()

    mutating func add(
        _ table: Table, _ id: Int64, _ outcome: Outcome, _ reason: String, _ explanation: String
    ) {
        lines.append(
            Line(table: table, id: id, outcome: outcome, reason: reason, explanation: explanation))
    }

    /// The findings of an outcome.
    public func count(_ outcome: Outcome) -> Int { lines.count { $0.outcome == outcome } }

    /// Whether what came and what was left out is what there was, to the cent.
    public var addsUp: Bool {
        before.paid == after.paid + leftOut.paid && before.refunded == after.refunded + leftOut.refunded
    }

    /// The findings as RFC 4180 has them, with a line of headings.
    public var csv: [String] {
        ["table,id,outcome,reason,explanation"]
            + lines.map { line in
                [
                    line.table.rawValue, "\(line.id)", line.outcome.rawValue, line.reason,
                    "\"\(line.explanation.replacing("\"", with: "\"\""))\"",
                ].joined(separator: ",")
            }
    }
}
