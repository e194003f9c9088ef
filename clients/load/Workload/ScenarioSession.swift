// The sessions of a scenario: an administrator and some patients, whose tokens expire after 15 minutes and are
// renewed before.

internal import ClinicClient
internal import ClinicMessages
internal import FoundationEssentials
internal import RPC
internal import Synchronization

/// Signs the administrator in.
enum AdministratorSession {
    /// Signs in and checks the role; throws a message for the user if it is not an administrator.
    static func open(_ options: ScenarioOptions) async throws -> (client: ClinicClient, login: LoginResponse?)
    {
        var configuration = ClinicClientConfiguration()
        // A long timeout, because removing a doctor cancels thousands of bookings.
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
                return (client, login)
            }
        } catch {
            await client.close()
            throw error
        }
    }

    private static func check(_ role: Role, _ email: String) throws {
        guard role == .admin else {
            throw ScenarioFailure(
                "\(email) is not an administrator, who alone can create the data of a scenario")
        }
    }
}

/// Renews the tokens of a run while it lasts.
final class TokenRenewal: Sendable {
    private let task: Task<Void, Never>

    /// Tokens are renewed at least this often, regardless of their lifetime and of clock differences.
    private static let longestPause = Duration.seconds(480)

    /// Starts with the sessions of the administrator (nil: the token is not renewed) and of the patients. Tokens
    /// are renewed after half of the shortest remaining lifetime, but at most every `shortestPause`. `now` is in
    /// seconds since 1970.
    init(
        of data: ScenarioData, _ client: ClinicClient, administrator: LoginResponse?,
        patients: [LoginResponse], shortestPause: Duration = .seconds(5),
        now: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        failed: @escaping @Sendable (String) -> Void
    ) {
        task = Task {
            var (administrator, patients) = (administrator, patients)
            while true {
                let end = ([administrator].compactMap { $0 } + patients).compactMap(\.expireTime).map(
                    Self.seconds
                )
                .min()
                let now = now()
                let left = Duration.seconds((end ?? 1e9 + now) - now)
                let pause = min(max(left / 2, shortestPause), Self.longestPause)
                guard (try? await sleep(pause)) != nil else { return }
                do {
                    if let old = administrator {
                        let new = try await Self.refresh(old, client)
                        client.token = new.token
                        administrator = new
                    }
                    for index in patients.indices {
                        patients[index] = try await Self.refresh(patients[index], client)
                    }
                    data.tokens.renew(
                        administrator: client.token ?? "", patients: patients.map(\.token))
                } catch {
                    return failed("the tokens of the run cannot be renewed: \(error)")
                }
            }
        }
    }

    private static func refresh(_ session: LoginResponse, _ client: ClinicClient) async throws
        -> LoginResponse
    {
        let renewed = try await client.call(
            UserServiceMethods.refreshToken, RefreshTokenRequest(refreshToken: session.refreshToken))
        return LoginResponse(
            email: renewed.email, token: renewed.token, role: renewed.role,
            refreshToken: renewed.refreshToken, expireTime: renewed.expireTime)
    }

    private static func seconds(_ time: ProtobufTimestamp) -> Double {
        Double(time.seconds) + Double(time.nanos) / 1e9
    }

    /// Stops the renewal and waits for its end.
    func stop() async {
        task.cancel()
        await task.value
    }
}
