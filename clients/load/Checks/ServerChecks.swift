// The server's own consistency check, which alone covers ledger and events.

internal import ClinicClient
internal import ClinicMessages

/// AdminService/CheckConsistency as checks in a report.
enum ServerChecks {
    /// Runs the server's check; throws if the server does not respond.
    static func run(_ client: ClinicClient) async throws -> [CheckResult] {
        let response = try await client.call(
            AdminServiceMethods.checkConsistency, CheckConsistencyRequest())
        return response.checks.map { check in
            let examples = check.entityIds.map(String.init).joined(separator: ", ")
            return CheckResult(
                name: check.title, passed: check.violations == 0,
                detail: check.violations == 0
                    ? "all data of the deployment"
                    : "\(check.violations) \(check.entity)s, such as \(examples)")
        }
    }
}
