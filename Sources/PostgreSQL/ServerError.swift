// The server's error reports, as the driver's own error: the code and the names of schema objects, and no
// text that could quote data.

internal import CPostgreSQL

extension QueryResult {
    /// A field of the error report; nil if the server did not send it.
    func errorField(_ code: Int32) -> String? {
        PQresultErrorField(pointer, code).map { String(cString: $0) }
    }
}

extension DatabaseError {
    /// The error a result reports.
    init(_ result: QueryResult) {
        let state = SQLState(result.errorField(clinic_pq_diag_sqlstate) ?? "")
        let isOurBug = state.errorClass == "42"
        self.init(
            .server(state), "the database refused the statement",
            constraint: result.errorField(clinic_pq_diag_constraint_name),
            table: result.errorField(clinic_pq_diag_table_name),
            serverMessage: isOurBug ? result.errorField(clinic_pq_diag_message_primary) : nil)
    }
}
