// A scenario with its data created. It gives each event loop its part of the work, and afterwards compares what was
// acknowledged with the deployment.

internal import ClinicClient
internal import Glibc
internal import Synchronization

/// Prepares scenarios.
enum Scenario {
    /// Signs in, creates the data and starts token renewal and watchers. Throws a message for the user.
    static func prepare(_ options: ScenarioOptions) async throws -> PreparedScenario {
        let administrator = try await AdministratorSession.open(options)
        do {
            let setup = ScenarioSetup(options, administrator.client)
            let created = try await setup.create(now: Int64(time(nil)))
            let renewal = TokenRenewal(
                of: created.data, administrator.client, administrator: administrator.login,
                patients: created.sessions, failed: options.progress)
            let watchers: BookingWatchers?
            do {
                watchers =
                    options.watchers == 0
                    ? nil : try await BookingWatchers(options.watchers, options, administrator.client)
            } catch {
                await renewal.stop()
                throw error
            }
            return PreparedScenario(options, created.data, setup, administrator.client, renewal, watchers)
        } catch {
            await administrator.client.close()
            throw error
        }
    }
}

/// A scenario that is ready to run.
final class PreparedScenario: Sendable {
    let data: ScenarioData
    private let options: ScenarioOptions
    private let setup: ScenarioSetup
    private let administrator: ClinicClient
    private let renewal: TokenRenewal
    private let watchers: BookingWatchers?
    private let acknowledged = Mutex<[AcknowledgedBookings]>([])

    fileprivate init(
        _ options: ScenarioOptions, _ data: ScenarioData, _ setup: ScenarioSetup,
        _ administrator: ClinicClient,
        _ renewal: TokenRenewal, _ watchers: BookingWatchers?
    ) {
        self.options = options
        self.data = data
        self.setup = setup
        self.administrator = administrator
        self.renewal = renewal
        self.watchers = watchers
    }

    /// "day (40 doctors, 64 patients)".
    var description: String {
        "\(options.mix.name) (\(options.doctors) doctors, \(options.patients) patients)"
    }

    /// Remarks for the user about the run.
    var notes: [String] {
        let replaced = acknowledged.withLock { $0 }.reduce(0) { $0 + $1.replaced }
        return replaced == 0
            ? []
            : [
                "\(replaced) calls deviated from the mix because no booking was left to change or no slot to book; "
                    + "increase --doctors for more slots, --fill-weeks for more bookings"
            ]
    }

    /// The workload of one event loop, made once per loop. Workloads share no data except hot slots.
    func workload(loop index: Int, of count: Int) -> any Workload {
        let workload = ScenarioWorkload(data, options, loop: index, of: count)
        acknowledged.withLock { $0.append(workload.acknowledged) }
        return workload
    }

    /// Compares the data with what was acknowledged, and lets the server check all of its data. Call after every
    /// call has ended. Throws if the deployment does not respond.
    func check() async throws -> (checks: [CheckResult], watchers: WatcherReport?) {
        options.progress("checking the data")
        let acknowledged = acknowledged.withLock { $0 }
        let bookings = acknowledged.flatMap(\.bookings)
        let watched = await watchers?.check(bookings)
        let stored = try await StoredBookings.read(of: data, administrator)
        let comparison = BookingComparison(
            data.grid, acknowledged: bookings, stored: stored,
            unanswered: acknowledged.reduce(0) { $0 + $1.unansweredBookings })
        let checks = [watched?.check].compactMap { $0 } + comparison.results
        return (try await checks + ServerChecks.run(administrator), watched?.report)
    }

    /// Removes the data if requested and closes the connections. Call last, also after a failure.
    func finish() async {
        await watchers?.stop()
        await renewal.stop()
        if options.cleansUp {
            do {
                options.progress("removing the data")
                try await setup.remove(data)
            } catch {
                options.progress("the data of load test \(data.label) could not be removed: \(error)")
            }
        } else {
            options.progress("the data is kept in the department Load test \(data.label)")
        }
        await administrator.close()
    }
}
