// A whole service for a suite: its own database on the shared cluster, the real server on a Unix socket, real clients.

import Bcrypt
import ClinicMessages
import ClinicServer
import ClinicService
import ClinicStore
import Foundation
import PostgreSQL
import ProtobufC
import RPC
import RPCMessages
import Scheduling
import Synchronization
import TTRPC
import TestCleanup
import TestCluster
import TimeZones

/// Runs the body with a clinic that serves, and stops the clinic afterwards, also if the body throws.
///
/// - Parameters:
///   - databaseURL: the database to serve; a new one if there is none.
///   - zone: the clinic's time zone; Sydney's if there is none.
///   - passwords: hashes passwords; at the lowest cost if there is none.
///   - maximumOpenBookings: how many open bookings a patient may have; more than any test makes if it does not say.
///   - storesSettings: whether its settings are stored and gone by as those of a daemon.
///   - userAccessAge: how old a caller's cached role and token version may be.
///   - statementTimeout: how long a statement may take; the usual time if there is none.
///   - lockTimeout: how long a statement may wait for a lock; the usual time if there is none.
///   - writeConnections: the number of connections for writes.
///   - probeTimeout: how long the database may be silent; the usual time if there is none.
///   - outageTolerance: how long a call waits for a lost database; the usual time if there is none.
///   - configure: changes what a deployment decides.
///   - configureDatabase: changes how the database is used.
func withClinic<Value>(
    databaseURL: String? = nil, zone: TimeZoneRules? = nil, passwords: BcryptPool? = nil,
    maximumOpenBookings: Int64 = 100_000, storesSettings: Bool = false,
    userAccessAge: Duration = .seconds(5),
    statementTimeout: Duration? = nil, lockTimeout: Duration? = nil,
    writeConnections: Int = 2, probeTimeout: Duration? = nil, outageTolerance: Duration? = nil,
    configure: (inout ClinicServer.Configuration) -> Void = { _ in },
    configureDatabase: @Sendable (inout DatabaseConfiguration) -> Void = { _ in },
    _ body: (TestClinic) async throws -> Value
) async throws -> Value {
    let clinic = try await TestClinic(
        databaseURL: databaseURL, zone: zone, passwords: passwords, maximumOpenBookings: maximumOpenBookings,
        storesSettings: storesSettings, userAccessAge: userAccessAge,
        statementTimeout: statementTimeout, lockTimeout: lockTimeout, writeConnections: writeConnections,
        probeTimeout: probeTimeout, outageTolerance: outageTolerance, configure: configure,
        configureDatabase: configureDatabase)
    return try await withCleanup(clinic.stop) { try await body(clinic) }
}

/// A clinic that serves one database on a Unix socket.
final class TestClinic: Sendable {
    let address: Address
    /// The same clinic on loopback, for callers with different addresses.
    let tcpAddress: Address
    let databaseURL: String
    let database: Database
    let settings: ClinicSettings
    let keys: SigningKeys
    private let opened: ClinicDatabase
    var schema: ClinicSchema { opened.schema }
    let server: ClinicServer
    private let numbers = Atomic<Int>(0)

    static let password = "correct horse"

    /// Starts a clinic as `withClinic` does; whoever makes it must stop it.
    init(
        databaseURL: String? = nil, zone: TimeZoneRules? = nil, passwords: BcryptPool? = nil,
        maximumOpenBookings: Int64 = 100_000, storesSettings: Bool = false,
        userAccessAge: Duration = .seconds(5),
        statementTimeout: Duration? = nil,
        lockTimeout: Duration? = nil,
        writeConnections: Int = 2, probeTimeout: Duration? = nil, outageTolerance: Duration? = nil,
        configure: (inout ClinicServer.Configuration) -> Void = { _ in },
        configureDatabase: @Sendable (inout DatabaseConfiguration) -> Void = { _ in }
    ) async throws {
        let directory = try TestCluster.makeDirectory()
        self.databaseURL = if let databaseURL { databaseURL } else { try await TestCluster.makeDatabase() }
        settings = ClinicSettings(
            zone: try zone ?? TimeZoneDatabase.load("Australia/Sydney"),
            maximumOpenBookings: maximumOpenBookings)
        keys = try SigningKeys(secret: Array("0123456789abcdef0123456789abcdef".utf8))
        var configuration = ClinicServer.Configuration(
            clinic: settings, signingKeys: keys, passwords: try passwords ?? BcryptPool(cost: 4))
        configuration.userAccessAge = userAccessAge
        configure(&configuration)
        opened = try await ClinicDatabase.open(
            .url(TestCluster.serviceURL(of: self.databaseURL), owner: self.databaseURL),
            settings: storesSettings ? WantedSettings() : nil,
            logger: TestCluster.logger
        ) { pool in
            // All suites run at once and share the connections of one cluster.
            pool.readConnections = 1
            pool.writeConnections = writeConnections
            // Queueing delay says nothing while so many clinics share the machine, so admission control stays open.
            pool.longestWait = .seconds(60)
            if let statementTimeout { pool.statementTimeout = statementTimeout }
            if let lockTimeout { pool.lockTimeout = lockTimeout }
            if let probeTimeout { pool.probeTimeout = probeTimeout }
            if let outageTolerance { pool.outageTolerance = outageTolerance }
            configureDatabase(&pool)
        }
        database = opened.database
        do {
            server = try ClinicServer(configuration, database: database, logger: TestCluster.logger)
            address = try await server.listen(on: .unix(path: directory + "/clinic.sock"))
            tcpAddress = try await server.listen(on: .tcp(host: "127.0.0.1", port: 0))
        } catch {
            await opened.close()
            throw error
        }
    }

    /// Shuts the server down and leaves the database open.
    func shutDown() async { await server.shutdown() }

    /// Shuts the server down and closes its database.
    func stop() async {
        await server.shutdown()
        await opened.close()
    }

    func next() -> Int { numbers.add(1, ordering: .relaxed).newValue }

    /// A connection without a token.
    func connect() async throws -> Session {
        Session(client: try await Client.connect(to: address), token: nil, userID: 0)
    }

    /// A connection without a token from another peer: over TCP from this host.
    func connectOverTCP(host: String = "127.0.0.1") async throws -> Session {
        let address = try await server.listen(on: .tcp(host: host, port: 0))
        return Session(client: try await Client.connect(to: address), token: nil, userID: 0)
    }

    /// A connection without a token from an address of loopback, such as `127.0.0.2`.
    func connect(from host: String) async throws -> Session {
        var configuration = ClientConfiguration()
        configuration.localHost = host
        return Session(
            client: try await Client.connect(to: tcpAddress, configuration: configuration), token: nil,
            userID: 0)
    }

    /// Seals all events, those of the transaction it runs in too, with an empty digest: the server reads none of them to seal
    /// them, so that what is read can be counted.
    static let sealWithoutReading = """
        select pg_advisory_xact_lock(7411, 6);
        insert into clinic.event_seal (
            number, first_transaction_number, first_sequence, last_transaction_number, last_sequence, events, digest)
        select coalesce(max(number), 0) + 1, 0, 0, pg_current_xact_id()::text::bigint, \(Int64.max), 1, ''
        from clinic.event_seal;
        """

    /// A new patient, signed in on a connection of his or her own.
    func signUp() async throws -> Session {
        let anonymous = try await connect()
        let email = "patient\(next())@example.org"
        let user = try await anonymous.call(
            UserServiceMethods.createUser,
            CreateUserRequest(
                firstName: "Pat", lastName: "Ient", phone: "0400000000", email: email, password: Self.password
            ))
        return try await anonymous.signedIn(email: email, userID: user.id)
    }

    /// A new administrator, signed in on a connection of his or her own.
    func administrator() async throws -> Session {
        let email = "admin\(next())@example.org"
        let user = try await Administrators(
            users: UserStore(database: database), passwords: BcryptPool(cost: 4)
        )
        .make(email: email, password: Self.password, firstName: nil, lastName: nil)
        return try await connect().signedIn(email: email, userID: user.id)
    }

    /// A new member of the staff, signed in on a connection of his or her own.
    func staff(by administrator: Session) async throws -> Session {
        let person = try await signUp()
        let user = try await administrator.call(
            UserServiceMethods.setUserRole, SetUserRoleRequest(userID: person.userID, role: .staff))
        return try await person.signedIn(email: user.email, userID: user.id)
    }

    /// A new doctor of a new department that is open around the clock, with slots of 30 minutes and this fee.
    func doctor(
        fee: Int64 = 20_099, opens: String = "00:00", closes: String = "24:00", expiry: String = "2099-12-31",
        by administrator: Session
    ) async throws -> Doctor {
        let department = try await administrator.call(
            DepartmentServiceMethods.createDepartment,
            CreateDepartmentRequest(
                departmentName: "Department \(next())", operatingStartHour: opens, operatingEndHour: closes))
        return try await administrator.call(
            DoctorServiceMethods.registerDoctor,
            RegisterDoctorRequest(
                departmentID: department.id, fullName: "Dr Who", registrationNumber: "R\(next())",
                registrationExpiry: expiry, consultationFee: Money(minorUnits: fee)))
    }

    /// A start on the grid of half hours, some days ahead, as callers write it. No clock is changed at that hour.
    func dateTime(daysAhead: Int64 = 2, hour: Int = 10, minute: Int = 0) throws -> String {
        guard let today = settings.zone.localDateTime(at: .now)?.date,
            let day = today.adding(days: daysAhead),
            let local = LocalDateTime(date: day, secondOfDay: hour * 3600 + minute * 60)
        else { throw Status(.internal, "no such day") }
        return local.description
    }

    /// One number that a query answers.
    func count(_ sql: String, _ parameters: [SQLValue] = []) async throws -> Int64 {
        guard var row = try await database.read(Statement(sql), parameters).first else { return 0 }
        return try row.int64()
    }
}

/// The statuses of a booking's transactions.
extension Booking {
    var payments: [ClinicMessages.TransactionStatus] { transactions.map { $0.status } }
}

/// A connection with or without a signed-in user.
struct Session: Sendable {
    let client: Client
    let token: String?
    let userID: Int64
    /// Counts once.
    var refreshToken = ""

    /// Calls a method with the session's token.
    @discardableResult
    func call<Request: Message, Response: Message>(
        _ method: ProtobufC.Method<Request, Response>, _ request: Request, key: String? = nil
    ) async throws -> Response {
        var metadata = Metadata()
        if let token { metadata.append("Bearer \(token)", for: "authorization") }
        if let key { metadata.append(key, for: "idempotency-key") }
        return try await client.call(method, request, metadata: metadata, timeout: .seconds(120))
    }

    func signedIn(email: String, userID: Int64) async throws -> Session {
        let login = try await anonymous.call(
            UserServiceMethods.login, LoginRequest(email: email, password: TestClinic.password))
        return Session(
            client: client, token: login.token, userID: userID, refreshToken: login.refreshToken)
    }

    /// The same connection without a token.
    var anonymous: Session { Session(client: client, token: nil, userID: 0) }

    func book(_ doctor: Doctor, at dateTime: String, key: String? = nil) async throws -> Booking {
        try await call(
            BookingServiceMethods.bookAppointment,
            BookAppointmentRequest(doctorID: doctor.id, time: .bookingDateTime(dateTime)), key: key)
    }

    func pay(_ booking: Booking) async throws -> Transaction {
        try await call(PaymentServiceMethods.payBooking, PayBookingRequest(bookingID: booking.id))
    }
}

/// The status a call fails with; nil when it succeeds.
func status(of call: () async throws -> Void) async throws -> Status? {
    do {
        try await call()
        return nil
    } catch let status as Status {
        return status
    }
}

/// A database with the clinic's schema, and nothing else in it unless there was before.
func openDatabase(_ url: String, _ configure: (inout DatabaseConfiguration) -> Void = { _ in }) async throws
    -> Database
{
    let schema = try await ClinicSchema.open(url: url, logger: TestCluster.logger)
    var configuration = DatabaseConfiguration(url: url)
    schema.configure(&configuration)
    configure(&configuration)
    let database = Database(configuration: configuration, logger: TestCluster.logger)
    try await database.start()
    // No other version comes, so nobody drops its functions.
    await schema.close()
    return database
}
