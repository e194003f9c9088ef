// Who a scenario is for the server: an administrator and some patients, whose tokens end after a quarter of an hour and
// are exchanged before that.

internal import ClinicClient
internal import ClinicMessages
internal import FoundationEssentials
internal import Synchronization
internal import TTRPC

/// The administrator's way in.
enum AdministratorSession {
    /// Signs in and makes sure that it is an administrator; throws what to say if it is not.
    static func open(_ options: ScenarioOptions) async throws -> (client: ClinicClient, login: LoginResponse?)
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
                "\(email) is not an administrator: only one can make the department, doctors and patients that "
                    + "a scenario works on")
        }
    }
}

/// Exchanges the tokens of a run for new ones for as long as it goes on.
final class TokenRenewal: Sendable {
    private let task: Task<Void, Never>

    /// However long tokens live and whatever the clocks say, they are exchanged after so long.
    private static let longestPause = Duration.seconds(480)

    /// Begins with the sessions of the administrator (nil: the token stays as it is) and of the patients. They are
    /// exchanged when half of what is left of the first to end has passed, but not at once again. `now` is in seconds
    /// since 1970.
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
                        let new = try await Self.exchange(old, client)
                        client.token = new.token
                        administrator = new
                    }
                    for index in patients.indices {
                        patients[index] = try await Self.exchange(patients[index], client)
                    }
                    data.tokens.renew(
                        administrator: client.token ?? "", patients: patients.map(\.token))
                } catch {
                    return failed("the tokens of the run cannot be renewed: \(error)")
                }
            }
        }
    }

    private static func exchange(_ session: LoginResponse, _ client: ClinicClient) async throws
        -> LoginResponse
    {
        try await client.call(
            UserServiceMethods.refreshToken, RefreshTokenRequest(refreshToken: session.refreshToken))
    }

    private static func seconds(_ time: ProtobufTimestamp) -> Double {
        Double(time.seconds) + Double(time.nanos) / 1e9
    }

    /// Ends it and waits until it has.
    func stop() async {
        task.cancel()
        await task.value
    }
}
