// `clinicd configure`: changes the settings that are stored with the clinic's data.

internal import ArgumentParser
internal import ClinicServer
internal import ClinicStore

struct ConfigureCommand: DaemonCommand {
    static let configuration = CommandConfiguration(
        commandName: "configure", abstract: "Change the settings that are stored with the clinic's data.",
        discussion: """
            The time zone may change only while there are no bookings, the currency only while there are no prices; the \
            rest at any time, for bookings that are made from then on. The change is in the audit trail. A daemon that \
            runs refuses all changes until it is restarted. Without options it prints the settings.

            --replace-signing-keys is for keys that are lost or may have been read: it signs everybody out, and servers \
            may start with other keys. Stop the servers first.

            Example:
              clinicd configure --full-refund-before 48 --hold-minutes 15
            """)

    enum Name: String, OptionName {
        case replaceSigningKeys = "replace-signing-keys"

        var isFlag: Bool { true }
    }

    static let optionNames: [any OptionName] = Name.all + StorageOptions.Name.all + ClinicOptions.Name.all

    @OptionGroup var storage: StorageOptions
    @OptionGroup var clinic: ClinicOptions

    @Flag(
        name: Name.replaceSigningKeys.specification,
        help: "Let servers start with other signing keys, and sign everybody out.")
    var replaceSigningKeys = false

    func run() async throws {
        let wanted = try clinic.wanted()
        // Those that are stored, or the usual ones in a new clinic.
        let database = try await storage.openBesideDaemon(settings: WantedSettings())
        let context = RequestContext(actorID: nil, method: "clinicd/configure")
        let settings = try await database.closing { database in
            do {
                let store = SettingsStore(database: database.database)
                if replaceSigningKeys { try await store.replaceSigningKeys(context: context) }
                return try await store.change(wanted, context: context)
            } catch let refusal as Refusal where refusal.reason == .hasBookings {
                throw Failure(
                    "there are bookings, whose times another --time-zone would move; nothing was done")
            } catch let refusal as Refusal where refusal.reason == .hasAmounts {
                throw Failure("there are prices, which another --currency would change; nothing was done")
            }
        }
        say(
            "time zone \(settings.timeZone), currency \(settings.currency), GST \(settings.gstBasisPoints) basis points, "
                + "full refund until \(settings.fullRefundSeconds / 3_600) hours before the start, holds of "
                + "\(settings.holdSeconds / 60) minutes")
        if replaceSigningKeys { say("everybody is signed out; start the servers with the new signing keys") }
        if settings.version != database.settings?.version {
            say("restart the daemons of this clinic; until then they refuse changes")
        }
    }
}
