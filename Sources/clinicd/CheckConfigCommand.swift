// `clinicd check-config`.

internal import ArgumentParser
internal import ClinicServer
internal import ClinicService

struct CheckConfigCommand: DaemonCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config", abstract: "Check the options of `clinicd serve`, and do nothing else.",
        discussion: """
            Reads the configuration file, the environment and the options as `clinicd serve` does, and the files that they \
            name: certificates, keys, secrets. Nothing is connected to or made.

            Example:
              clinicd check-config --config /etc/clinic/clinicd.conf
            """)

    static let optionNames = ServeOptions.optionNames

    @OptionGroup var options: ServeOptions

    func run() async throws {
        _ = try options.clinic.wanted()
        let logger = options.storage.logger()
        _ = try options.certificates.certificates(
            for: options.listen, applicationProtocols: options.peers.applicationProtocols, logger)
        if let file = options.signingKeys { _ = try SigningKeys.load(from: file) }
        if options.storage.database != nil || options.storage.databasePasswordFile != nil {
            _ = try options.storage.location(in: options.storage.directory())
        }
        say("the configuration is in order", as: options.storage.logFormat)
    }
}
