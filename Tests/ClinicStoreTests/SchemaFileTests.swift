// The SQL files: what is embedded is what lies there, each function and view is defined once, in a file of its name, and the
// database has just those.

import Foundation
import PostgreSQL
import TestCluster
import Testing

@testable import ClinicStore

struct SchemaFileTests {
    @Test func `the program embeds the files as they lie in the folder`() throws {
        let folder = storeFolder.appending(path: "Schema")
        let paths = try #require(FileManager.default.enumerator(atPath: folder.path)).compactMap {
            $0 as? String
        }
        .filter { $0.hasSuffix(".sql") }
        #expect(Set(SchemaFile.all.map(\.path)) == Set(paths), "run make schema")
        for file in SchemaFile.all {
            let text = try String(contentsOf: folder.appending(path: file.path), encoding: .utf8)
            #expect(file.text == text, "\(file.path)")
        }
        #expect(Set(SchemaFile.all.map(\.name)).count == paths.count)
    }

    @Test func `a file defines what it is named after, and says first what that is`() throws {
        for file in SchemaFile.all where file.folder != "migrations" {
            let definitions = file.text.matches(
                of: /(?m)^create (?:or replace )?(?:function|view|type) (?:clinic\.)?(\w+)/)
            #expect(definitions.map { String($0.output.1) } == [file.name], "\(file.path)")
            #expect(file.text.hasPrefix("-- "), "\(file.path)")
            if file.folder == "triggers" {
                #expect(
                    file.text.contains("\ncreate or replace function clinic.\(file.name)("), "\(file.path)")
            }
        }
        for file in SchemaFile.all(in: "migrations") {
            #expect(
                file.text.firstMatch(of: /(?m)^create (or replace )?(function|view)/) == nil, "\(file.path)")
        }
    }

    @Test func `the migrations are numbered from one`() {
        #expect(ClinicSchema.migrations.map(\.version) == Array(1...ClinicSchema.migrations.count))
    }

    @Test func `the database has the functions and views of the files, each once`() async throws {
        let opened = try await OpenedDatabase()
        // The functions of an extension lie where the extension was created.
        let functions = """
            select proname::text from pg_proc where pronamespace = $1::regnamespace
                and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e') order by 1
            """
        let views =
            "select relname::text from pg_class where relnamespace = $1::regnamespace and relkind = 'v' order by 1"
        let schema = SQLValue.text(opened.schema.searchPath[0])
        func names(_ folder: String) -> [String] { SchemaFile.all(in: folder).map(\.name).sorted() }
        #expect(try await opened.texts(functions, [schema]).sorted() == names("functions"))
        #expect(try await opened.texts(views, [schema]).sorted() == names("views"))
        #expect(try await opened.texts(functions, [.text("clinic")]).sorted() == names("triggers"))
        #expect(try await opened.texts(views, [.text("clinic")]) == [])
        await opened.close()
    }

    @Test func `a view begins with the columns that its record reads, in their order`() async throws {
        let opened = try await OpenedDatabase()
        let records: [(String, any Record.Type)] = [
            ("department_view", DepartmentRecord.self), ("user_view", UserRecord.self),
            ("doctor_view", DoctorRecord.self), ("time_off_view", TimeOffRecord.self),
            ("booking_view", BookingRecord.self), ("transaction_view", TransactionRecord.self),
            ("receipt_view", ReceiptRecord.self), ("event_view", EventRecord.self),
            ("session_record", SessionRecord.self),
        ]
        for (view, record) in records {
            let columns = try await opened.texts(
                "select attname::text from pg_attribute where attrelid = $1::regclass and attnum > 0 order by attnum",
                [.text(view)])
            #expect(Array(columns.prefix(record.columns.count)) == record.columns, "\(view)")
        }
        await opened.close()
    }
}
