// The names by which methods are left open to anonymous callers.

import Testing

@testable import ClinicService

@Test func `each method that needs no sign-in has one name by which it is closed`() {
    let named = AnonymousMethod.allCases.flatMap(\.methods).sorted()
    let open = AccessTable.rows.filter { $0.value == .anyone }.map(\.key).sorted()
    #expect(named == open)
    let closed = AccessTable.table(open: [.login])
    #expect(closed.count == AccessTable.rows.count)
    #expect(closed.filter { $0.value == .anyone }.map(\.key) == ["clinic.v1.UserService/Login"])
}
