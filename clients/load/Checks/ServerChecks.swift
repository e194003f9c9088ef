// The server's own look at its data, of which it alone sees ledger and events.

internal import ClinicClient
internal import ClinicMessages

/// AdminService/CheckConsistency as checks of a report.
enum ServerChecks {
    /// Has the server look at all of its data; throws when it does not answer.
    static func run(_ client: ClinicClient) async throws -> [CheckResult] {
        let answer = try await client.call(
            AdminServiceMethods.checkConsistency, CheckConsistencyRequest())
        return answer.checks.map { check in
            let examples = check.entityIds.map(String.init).joined(separator: ", ")
            return CheckResult(
                name: check.title, passed: check.violations == 0,
                detail: check.violations == 0
                    ? "all data of the deployment"
                    : "\(check.violations) \(check.entity)s, such as \(examples)")
        }
    }
}
