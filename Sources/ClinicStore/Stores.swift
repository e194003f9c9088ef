// Every store over one database, and whether that takes more work: what a service needs of the database, without the
// driver.

public import PostgreSQL

/// The stores of one clinic.
public struct Stores: Sendable {
    /// Where the statements of a call run.
    public enum Pool: Sendable {
        /// The connections for statements that change nothing.
        case reads
        /// The connection among them for short reads that share one execution.
        case pointReads
        /// The connections for statements that change something.
        case writes
    }

    private let database: Database

    /// The stores over a migrated database.
    public init(database: Database) { self.database = database }

    /// Whether so much waits for this pool that `admits` is to be asked before a call begins.
    public func isCongested(_ pool: Pool) -> Bool { database.isCongested(pool.databasePool) }

    /// Admission control: whether another statement with this key would be served in time by this pool. Ask before a call
    /// begins, when rejecting it costs nothing.
    public func admits(_ pool: Pool, fairnessKey: UInt64?) -> Bool {
        database.admits(pool.databasePool, fairnessKey: fairnessKey)
    }

    /// The directory in memory, in the form that `content` makes of it. Throws if there is no thread or file to listen to
    /// the database with.
    public func directory<Content: AnyObject & Sendable>(
        keeping content: @escaping @Sendable (DirectoryRecords) -> Content
    ) throws -> DirectoryCache<Content> {
        try DirectoryCache(database: database, keeping: content)
    }

    /// The access log.
    public var accessLog: AccessLogStore { AccessLogStore(database: database) }
    /// Appointments.
    public var bookings: BookingStore { BookingStore(database: database) }
    /// The history of appointments that is watched.
    public var bookingEvents: BookingEventStore { BookingEventStore(database: database) }
    /// Checks of the stored data.
    public var consistency: ConsistencyStore { ConsistencyStore(database: database) }
    /// Credentials and wrong passwords.
    public var credentials: CredentialStore { CredentialStore(database: database) }
    /// Departments.
    public var departments: DepartmentStore { DepartmentStore(database: database) }
    /// Doctors and their schedules.
    public var doctors: DoctorStore { DoctorStore(database: database) }
    /// The audit log.
    public var events: EventStore { EventStore(database: database) }
    /// Idempotency keys.
    public var idempotencyKeys: IdempotencyKeyStore { IdempotencyKeyStore(database: database) }
    /// Requests and tokens for new passwords.
    public var passwordResets: PasswordResetStore { PasswordResetStore(database: database) }
    /// What is stored about one person.
    public var personalData: PersonalDataStore { PersonalDataStore(database: database) }
    /// Revenue and utilization.
    public var reports: ReportStore { ReportStore(database: database) }
    /// Sessions and token versions.
    public var sessions: SessionStore { SessionStore(database: database) }
    /// The calendars in which free slots are found.
    public var slots: SlotStore { SlotStore(database: database) }
    /// Doctors' time off.
    public var timeOff: TimeOffStore { TimeOffStore(database: database) }
    /// Payments and refunds.
    public var transactions: TransactionStore { TransactionStore(database: database) }
    /// User accounts.
    public var users: UserStore { UserStore(database: database) }
}

extension Stores.Pool {
    fileprivate var databasePool: Database.Pool {
        switch self {
        case .reads: .reads
        case .pointReads: .pointReads
        case .writes: .writes
        }
    }
}
