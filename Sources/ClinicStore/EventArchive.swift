// Takes old events out of the database: whole partitions, so that nothing is deleted row by row, and the oldest first. A partition
// is copied to a file, read back from there and compared with the table, line by line, before it is dropped.

internal import PostgreSQL
public import Scheduling

/// Where the events that are taken out go, a line for each.
public protocol EventArchiveFile: AnyObject {
    /// Appends lines without their line feeds.
    func append(_ lines: [String]) throws
    /// Makes what was appended last through a crash of the machine.
    func synchronize() throws
    /// Reads all lines back from the storage, at most so many at a time.
    func read(atMost count: Int, _ body: ([String]) throws -> Void) throws
}

/// Events were not archived: they are in the database as before.
public struct EventArchiveFailure: Error, CustomStringConvertible {
    /// One line for a person.
    public let description: String
}

/// The events that were taken out.
public struct ArchivedEvents: Sendable {
    /// How many partitions were dropped.
    public internal(set) var partitions = 0
    /// How many events were in them.
    public internal(set) var events: Int64 = 0
}

/// Takes old events out of a database.
public enum EventArchive {
    /// How many events one statement reads or compares.
    private static let page: Int64 = 1_000
    /// How often a partition is tried to be dropped, a second apart, while statements use the table.
    private static let tries = 30

    private struct Partition {
        let number: Int64
        var table: String {
            "clinic.event_" + String(repeating: "0", count: max(0, 5 - "\(number)".count)) + "\(number)"
        }
    }

    /// Takes out the oldest partitions that are complete and whose events were all written before a moment.
    ///
    /// Throws `EventArchiveFailure` or a `DatabaseError` and drops nothing more then; what was dropped before is in the file.
    ///
    /// - Parameters:
    ///   - url: a migrated database, with the role that owns its tables.
    ///   - makeFile: makes the file when there is something to archive.
    public static func takeOut(
        of url: String, before: Instant, into makeFile: @escaping @Sendable () throws -> any EventArchiveFile
    ) async throws -> ArchivedEvents {
        try await AdminConnection.withConnection(url: url) { connection in
            // One archive at a time, and none while partitions are added.
            _ = try connection.query("select pg_advisory_lock(7411, 5)")
            let (partitions, next) = try archivable(before, on: connection)
            guard !partitions.isEmpty else { return ArchivedEvents() }
            let file = try makeFile()
            var counts: [Int64] = []
            for partition in partitions {
                counts.append(try copy(partition, below: next, to: file, on: connection))
            }
            try file.synchronize()
            try verify(file, counts.reduce(0, +), on: connection)
            var archived = ArchivedEvents()
            for (partition, count) in zip(partitions, counts) {
                try drop(partition, count, below: next, on: connection)
                archived.partitions += 1
                archived.events += count
            }
            return archived
        }
    }

    /// The partitions to archive, and the number of the oldest transaction that is running.
    private static func archivable(
        _ before: Instant, on connection: AdminConnection
    ) throws -> ([Partition], next: Int64) {
        var row = try connection.query(
            """
            select coalesce(array_agg(substr(relname, 7)::bigint order by relname), '{}'),
                pg_snapshot_xmin(pg_current_snapshot())::text::bigint
            from pg_inherits join pg_class on pg_class.oid = inhrelid
            where inhparent = 'clinic.event'::regclass
                and substr(relname, 7)::bigint < (select last_value / 10000000 from clinic.event_sequence)
            """)[0]
        let numbers = try row.int64Array()
        let next = try row.int64()
        var partitions: [Partition] = []
        for number in numbers {
            let partition = Partition(number: number)
            var row = try connection.query(
                """
                select coalesce(max(occurred_at) < $1 and max(transaction_number) < $2, false)
                from \(partition.table)
                """, [.instant(before), .int64(next)])[0]
            guard try row.bool() else { break }
            partitions.append(partition)
        }
        return (partitions, next)
    }

    /// Copies the events of a partition; returns how many they are.
    private static func copy(
        _ partition: Partition, below next: Int64, to file: any EventArchiveFile,
        on connection: AdminConnection
    ) throws -> Int64 {
        var last: Int64 = -1
        var count: Int64 = 0
        while true {
            let rows = try connection.query(
                """
                select sequence, to_jsonb(event)::text from \(partition.table) as event
                where sequence > $1 and transaction_number < $2 order by sequence limit $3
                """, [.int64(last), .int64(next), .int64(page)])
            var lines: [String] = []
            for row in rows {
                var row = row
                last = try row.int64()
                lines.append(try row.text())
            }
            guard !lines.isEmpty else { return count }
            try file.append(lines)
            count += Int64(lines.count)
        }
    }

    /// Compares every line of the file with its event.
    private static func verify(
        _ file: any EventArchiveFile, _ expected: Int64, on connection: AdminConnection
    ) throws {
        var read: Int64 = 0
        var last: Int64 = -1
        try file.read(atMost: Int(page)) { lines in
            var row = try connection.query(
                """
                select count(distinct event.sequence), max(event.sequence), min(event.sequence) > $2
                from unnest($1::text[]) as archived(line)
                join clinic.event on event.sequence = (line::jsonb ->> 'sequence')::bigint
                    and to_jsonb(event) = line::jsonb
                """, [.textArray(lines), .int64(last)])[0]
            // The lines are in order across pages, and those of a page are different events: none stands for another.
            guard try row.int64() == Int64(lines.count), let newest = try row.optionalInt64(), try row.bool()
            else {
                throw EventArchiveFailure(description: "the archive differs from the events after \(last)")
            }
            last = newest
            read += Int64(lines.count)
        }
        guard read == expected else {
            throw EventArchiveFailure(description: "the archive has \(read) events of \(expected)")
        }
    }

    private static func drop(
        _ partition: Partition, _ count: Int64, below next: Int64, on connection: AdminConnection
    ) throws {
        for _ in 1..<tries where try isDropped(partition, count, below: next, on: connection) { return }
        guard try isDropped(partition, count, below: next, on: connection) else {
            throw EventArchiveFailure(description: "the events are in use all the time: try again later")
        }
    }

    /// Drops a partition, or returns false if statements used the table for a second.
    private static func isDropped(
        _ partition: Partition, _ count: Int64, below next: Int64, on connection: AdminConnection
    ) throws(DatabaseError) -> Bool {
        do throws(DatabaseError) {
            try connection.transaction { () throws(DatabaseError) in
                try connection.execute("set local lock_timeout = '1s'")
                _ = try connection.query(
                    "select clinic.drop_archived_partition($1, $2, $3)",
                    [.int64(partition.number), .int64(count), .int64(next)])
            }
            return true
        } catch {
            guard error.state == .lockNotAvailable else { throw error }
            return false
        }
    }
}
