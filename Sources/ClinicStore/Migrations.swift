// The schema's history. The list only ever grows at its end: what has been applied somewhere is never edited.
public import PostgreSQL

/// The migrations of the clinic's schema, oldest first; made anew each time, since a server reads their texts once and
/// serves for months.
public var clinicMigrations: [Migration] {
    [
        Migration(name: "tables", sql: text(PackageResources.m0001_tables_sql)),
        Migration(name: "answers", sql: text(PackageResources.m0002_answers_sql)),
        Migration(name: "people_and_directory", sql: text(PackageResources.m0003_people_and_directory_sql)),
        Migration(name: "bookings_and_payments", sql: text(PackageResources.m0004_bookings_and_payments_sql)),
        Migration(name: "people", sql: text(PackageResources.m0005_people_sql)),
        Migration(name: "slots", sql: text(PackageResources.m0006_slots_sql)),
        Migration(name: "weeks_and_removals", sql: text(PackageResources.m0006_weeks_and_removals_sql)),
        Migration(name: "money_events_reports", sql: text(PackageResources.m0007_money_events_reports_sql)),
        Migration(name: "refunds_at_once", sql: text(PackageResources.m0008_refunds_at_once_sql)),
        Migration(name: "a_million_bookings", sql: text(PackageResources.m0009_a_million_bookings_sql)),
        Migration(name: "watching", sql: text(PackageResources.m0010_watching_sql)),
        Migration(name: "quicker_bookings", sql: text(PackageResources.m0013_quicker_bookings_sql)),
        Migration(name: "sets_of_callers", sql: text(PackageResources.m0015_sets_of_callers_sql)),
        Migration(name: "directory_changes", sql: text(PackageResources.m0016_directory_changes_sql)),
        Migration(
            name: "bookings_and_their_payments",
            sql: text(PackageResources.m0017_bookings_and_their_payments_sql)),
        Migration(
            name: "payments_of_a_new_clinic",
            sql: text(PackageResources.m0018_payments_of_a_new_clinic_sql)),
    ]
}

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
