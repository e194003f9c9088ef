// A scenario whose data is there: it hands each event loop its part of the work, and afterwards compares what the loops
// were told with what the deployment says.

internal import ClinicClient
internal import Glibc
internal import Synchronization

/// Makes scenarios.
enum Scenario {
    /// Signs in, makes the data and starts what runs beside the calls. Throws what to say to the user.
    static func prepare(_ options: ScenarioOptions) async throws -> PreparedScenario {
        let administrator = try await AdministratorSession.open(options)
        do {
            let seed = ScenarioSeed(options, administrator.client)
            let made = try await seed.make(now: Int64(time(nil)))
            let renewal = TokenRenewal(
                of: made.data, administrator.client, administrator: administrator.login,
                patients: made.sessions, failed: options.progress)
            let watchers: BookingWatchers?
            do {
                watchers =
                    options.watchers == 0
                    ? nil : try await BookingWatchers(options.watchers, options, administrator.client)
            } catch {
                await renewal.stop()
                throw error
            }
            return PreparedScenario(options, made.data, seed, administrator.client, renewal, watchers)
        } catch {
            await administrator.client.close()
            throw error
        }
    }
}

/// A scenario that can be run.
final class PreparedScenario: Sendable {
    let data: ScenarioData
    private let options: ScenarioOptions
    private let seed: ScenarioSeed
    private let administrator: ClinicClient
    private let renewal: TokenRenewal
    private let watchers: BookingWatchers?
    private let memories = Mutex<[BookingMemory]>([])

    fileprivate init(
        _ options: ScenarioOptions, _ data: ScenarioData, _ seed: ScenarioSeed, _ administrator: ClinicClient,
        _ renewal: TokenRenewal, _ watchers: BookingWatchers?
    ) {
        self.options = options
        self.data = data
        self.seed = seed
        self.administrator = administrator
        self.renewal = renewal
        self.watchers = watchers
    }

    /// "day (40 doctors, 64 patients)".
    var description: String {
        "\(options.mix.name) (\(options.doctors) doctors, \(options.patients) patients)"
    }

    /// Remarks for the user on how the run went.
    var notes: [String] {
        let replaced = memories.withLock { $0 }.reduce(0) { $0 + $1.replaced }
        return replaced == 0
            ? []
            : [
                "\(replaced) calls were others than the mix says, since there was no booking left to change or no "
                    + "slot left to book: more --doctors make more slots, --fill-weeks more bookings"
            ]
    }

    /// The part of one event loop, which alone uses it; made once for each. The parts share no data, hot slots aside.
    func workload(loop index: Int, of count: Int) -> any Workload {
        let workload = ScenarioWorkload(data, options, loop: index, of: count)
        memories.withLock { $0.append(workload.memory) }
        return workload
    }

    /// Compares the data with what was acknowledged and has the server look at all of its own. To be called when every
    /// call has ended. Throws when the deployment does not answer.
    func check() async throws -> (checks: [CheckResult], watchers: WatcherReport?) {
        options.progress("checking the data")
        let memories = memories.withLock { $0 }
        let remembered = memories.flatMap(\.bookings)
        let watched = await watchers?.check(remembered)
        let found = try await FoundBookings.read(of: data, administrator)
        let comparison = BookingComparison(
            data.grid, remembered: remembered, found: found,
            unanswered: memories.reduce(0) { $0 + $1.unansweredBookings })
        let checks = [watched?.check].compactMap { $0 } + comparison.results
        return (try await checks + ServerChecks.run(administrator), watched?.report)
    }

    /// Removes what was made, if that was asked for, and closes the connections. To be called last, also after a failure.
    func finish() async {
        await watchers?.stop()
        await renewal.stop()
        if options.cleansUp {
            do {
                options.progress("removing the data")
                try await seed.remove(data)
            } catch {
                options.progress("the data of load test \(data.label) could not be removed: \(error)")
            }
        } else {
            options.progress("the data stays, in the department Load test \(data.label)")
        }
        await administrator.close()
    }
}
