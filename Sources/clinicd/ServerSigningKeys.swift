// The signing keys of the daemon. Several servers of one clinic are given one file; SIGHUP reads it again. Which keys are
// signed with is noted in the database, so that a server that lacks one says so instead of refusing what the others sign.

internal import ClinicService
internal import ClinicStore
internal import Logging
internal import PostgreSQL

/// The keys in use, with where they are from.
struct ServerSigningKeys: Sendable {
    let keys: SigningKeys
    /// The file that an option names; nil for the one in the data directory.
    private let file: String?
    private let longestSession: Int64
    private let url: String
    private let logger: Logger

    /// The time between two notes that a key is still signed with.
    private static let interval = Duration.seconds(60)

    /// Reads the keys, or makes one in the data directory.
    static func read(_ file: String?, _ directory: DataDirectory) throws -> SigningKeys {
        try file.map { try SigningKeys.load(from: $0) } ?? SigningKeys.loadOrCreate(at: directory.keyFile)
    }

    /// Notes the keys in the database. Throws `Failure` when this server lacks one that others sign with.
    init(
        _ keys: SigningKeys, from file: String?, sessionDays: Int64, url: String, _ logger: Logger
    ) async throws {
        self.keys = keys
        self.file = file
        longestSession = sessionDays * 86_400
        self.url = url
        self.logger = logger
        try await register(keys)
    }

    private func register(_ keys: SigningKeys) async throws {
        do {
            try await SigningKeyStore.register(
                keys.all.map(\.id), longestSession: longestSession, url: url)
        } catch let missing as MissingSigningKeys {
            let ids = missing.ids.joined(separator: ", ")
            throw Failure(
                "the signing keys of this server lack \(ids), with which servers of this clinic sign tokens: give all "
                    + "servers the same --signing-keys file; if the key is lost, `clinicd configure "
                    + "--replace-signing-keys` signs everybody out")
        }
    }

    /// Reads the file again. If something is wrong with it, the current keys stay in use.
    func reload() async {
        guard let file else { return }
        do {
            let next = try SigningKeys.load(from: file)
            try await register(next)
            keys.replace(by: next)
            logger.info(
                "new signing keys are in use",
                metadata: ["signing": "\(keys.keyID)", "keys": "\(keys.all.count)"])
        } catch {
            logger.error(
                "the old signing keys stay in use", metadata: ["reason": "\(explanation(of: error))"])
        }
    }

    /// Notes now and every minute that the first key is still signed with, until the task is cancelled.
    func noteUsePeriodically(on database: Database) async {
        var hasWarned = false
        while !Task.isCancelled {
            // An outage of the database has warnings of its own.
            let isKnown = (try? await SigningKeyStore.noteUse(of: keys.keyID, on: database)) ?? true
            if !isKnown, !hasWarned {
                logger.error(
                    "the signing keys of this clinic were replaced: restart this server with the new ones")
            }
            hasWarned = !isKnown
            try? await Task.sleep(for: Self.interval)
        }
    }
}
