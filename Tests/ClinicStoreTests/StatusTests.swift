// What the SQL says about statuses is what Scheduling says.

import PostgreSQL
import Scheduling
import Testing

struct StatusTests {
    /// The values for which a function of the schema is true.
    private func those(_ function: String, of values: [String]) async throws -> [String] {
        let opened = try await OpenedDatabase()
        let found = try await opened.texts(
            "select status from unnest($1::text[]) with ordinality as all_of_them (status, place) "
                + "where \(function)(status) order by place", [.textArray(values)])
        await opened.close()
        return found
    }

    @Test func `the same bookings occupy time`() async throws {
        #expect(
            try await those("clinic.occupies_time", of: BookingStatus.allCases.map(\.rawValue))
                == BookingStatus.allCases.filter(\.occupiesTime).map(\.rawValue))
    }

    @Test func `the same payments are live`() async throws {
        #expect(
            try await those("clinic.is_live_payment", of: TransactionStatus.allCases.map(\.rawValue))
                == TransactionStatus.allCases.filter(\.isLive).map(\.rawValue))
    }

    @Test func `the same payments can be refunded`() async throws {
        #expect(
            try await those("is_refundable", of: TransactionStatus.allCases.map(\.rawValue))
                == TransactionStatus.allCases.filter(\.isRefundable).map(\.rawValue))
    }
}
