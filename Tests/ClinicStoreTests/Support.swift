// What the store's tests have in common.

import ClinicStore
import Foundation
import PostgreSQL
import TestCluster

/// The folder of the package's sources of the store.
let storeFolder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Sources/ClinicStore")

/// A database that a version uses, as a server holds it.
struct OpenedDatabase {
    let url: String
    let schema: ClinicSchema
    let database: Database

    /// In a database of its own, or in the one that is given.
    init(url: String? = nil) async throws {
        self.url = if let url { url } else { try await TestCluster.makeDatabase() }
        schema = try await ClinicSchema.open(url: self.url, logger: TestCluster.logger)
        var configuration = DatabaseConfiguration(url: self.url)
        schema.configure(&configuration)
        configuration.readConnections = 1
        configuration.writeConnections = 1
        configuration.longestWait = .seconds(60)
        database = Database(configuration: configuration, logger: TestCluster.logger)
        try await database.start()
    }

    func close() async {
        await database.close()
        await schema.close()
    }

    /// The first column of all rows of a query, which is text.
    func texts(_ sql: String, _ parameters: [SQLValue] = []) async throws -> [String] {
        try await database.read(Statement(sql), parameters).map { row in
            var row = row
            return try row.text()
        }
    }
}

/// Runs statements that may do anything, on a connection of their own.
func administer(_ url: String, _ script: String) async throws {
    try await AdminConnection.withConnection(url: url) { connection in try connection.execute(script) }
}

/// The API schemas that a database has, by name.
func apiSchemas(of url: String) async throws -> [String] {
    try await AdminConnection.withConnection(url: url) { connection in
        try connection.query(
            "select nspname::text from pg_namespace where nspname like 'clinic\\_api\\_%' order by 1"
        )
        .map { row in
            var row = row
            return try row.text()
        }
    }
}
