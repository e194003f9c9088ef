// Who a scenario is for the server: an administrator and some patients, whose tokens end after a quarter of an hour and
// are exchanged before that.

internal import ClinicClient
internal import ClinicMessages
internal import Synchronization
internal import TTRPC

/// The administrator's way in.
enum AdministratorSession {
    /// Signs in and makes sure that it is an administrator; throws what to say if it is not.
    static func open(_ options: ScenarioOptions) async throws -> (client: ClinicClient, refreshToken: String?)
    {
        var configuration = ClinicClientConfiguration()
        // Removing a doctor cancels thousands of bookings.
        configuration.timeout = .seconds(120)
        configuration.tls = options.tls
        let client = ClinicClient(address: options.address, configuration: configuration)
        do {
            switch options.credentials {
            case .token(let token):
                client.token = token
                let user = try await client.call(UserServiceMethods.getUser, GetUserRequest())
                try check(user.role, user.email)
                return (client, nil)
            case .password(let email, let password):
                let login = try await client.call(
                    UserServiceMethods.login, LoginRequest(email: email, password: password))
                try check(login.role, email)
                client.token = login.token
                return (client, login.refreshToken)
            }
        } catch {
            await client.close()
            throw error
        }
    }

    private static func check(_ role: Role, _ email: String) throws {
        guard role == .admin else {
            throw ScenarioFailure(
                "\(email) is not an administrator: only one can make the department, doctors and patients that "
                    + "a scenario works on")
        }
    }
}

/// Exchanges the tokens of a run for new ones for as long as it goes on.
final class TokenRenewal: Sendable {
    private let task: Task<Void, Never>

    /// Begins with the refresh tokens of the administrator (nil: the token stays as it is) and of the patients.
    init(
        of data: ScenarioData, _ client: ClinicClient, administrator: String?, patients: [LoginResponse],
        every interval: Duration = .seconds(480), failed: @escaping @Sendable (String) -> Void
    ) {
        let patients = patients.map { (token: $0.token, refresh: $0.refreshToken) }
        task = Task {
            var (administrator, patients) = (administrator, patients)
            while (try? await Task.sleep(for: interval)) != nil {
                do {
                    if let refresh = administrator {
                        let next = try await Self.exchange(refresh, client)
                        client.token = next.token
                        administrator = next.refresh
                    }
                    for index in patients.indices {
                        patients[index] = try await Self.exchange(patients[index].refresh, client)
                    }
                    data.tokens.renew(
                        administrator: client.token ?? "", patients: patients.map(\.token))
                } catch {
                    return failed("the tokens of the run cannot be renewed: \(error)")
                }
            }
        }
    }

    private static func exchange(
        _ refreshToken: String, _ client: ClinicClient
    ) async throws -> (token: String, refresh: String) {
        let answer = try await client.call(
            UserServiceMethods.refreshToken, RefreshTokenRequest(refreshToken: refreshToken))
        return (answer.token, answer.refreshToken)
    }

    /// Ends it and waits until it has.
    func stop() async {
        task.cancel()
        await task.value
    }
}
