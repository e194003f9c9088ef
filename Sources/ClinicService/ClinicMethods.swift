// All that the service answers, put together: handlers over their stores, each behind the same chain.

public import Bcrypt
internal import ClinicMessages
internal import ClinicStore
public import Logging
public import PostgreSQL
internal import ProtobufC
public import TTRPC
internal import TTRPCMessages

/// What the service needs from the deployment it runs in.
public struct ClinicDependencies: Sendable {
    /// The clinic's settings.
    public var clinic: ClinicSettings
    /// The database, migrated.
    public var database: Database
    /// The pool that hashes passwords.
    public var passwords: BcryptPool
    /// The keys that tokens are signed with.
    public var signingKeys: SigningKeys
    /// What health checks answer.
    public var health: HealthService
    /// Where failures that callers may not know go.
    public var logger: Logger
    /// How old may be what is known of a signed-in caller's role and token version: a person who was signed out
    /// or has another role may still call for so long.
    public var standingAge: Duration

    /// A deployment's parts.
    public init(
        clinic: ClinicSettings, database: Database, passwords: BcryptPool, signingKeys: SigningKeys,
        health: HealthService, logger: Logger, standingAge: Duration = .seconds(5)
    ) {
        self.clinic = clinic
        self.database = database
        self.passwords = passwords
        self.signingKeys = signingKeys
        self.health = health
        self.logger = logger
        self.standingAge = standingAge
    }
}

/// The clinic's methods, ready to be served. Throws `IncompleteService` when a method of the schema is
/// not served or has no row in the access table, `DatabaseError` when there is no thread to listen to the database with.
public func clinicMethods(_ dependencies: ClinicDependencies) throws -> MethodTable {
    let (clinic, database) = (dependencies.clinic, dependencies.database)
    let accessTokens = AccessTokens(keys: dependencies.signingKeys)
    let sessionStore = SessionStore(database: database)
    let standings = Standings(source: sessionStore, maximumAge: dependencies.standingAge)
    let pageTokens = PageTokens(keys: dependencies.signingKeys)
    let doctors = DoctorStore(database: database)
    let directory = try Directory(database: database) { DirectoryAnswers($0, clinic) }

    let user = UserService(
        clinic: clinic, users: UserStore(database: database),
        personalData: PersonalDataStore(database: database), passwords: dependencies.passwords,
        sessions: Sessions(store: sessionStore, accessTokens: accessTokens), standings: standings,
        signingKeys: dependencies.signingKeys, pageTokens: pageTokens, throttle: LoginThrottle())
    let department = DepartmentService(
        clinic: clinic, departments: DepartmentStore(database: database), directory: directory,
        pageTokens: pageTokens)
    let doctor = DoctorService(
        clinic: clinic, doctors: doctors, directory: directory, pageTokens: pageTokens)
    let timeOff = TimeOffService(
        clinic: clinic, timeOff: TimeOffStore(database: database), pageTokens: pageTokens)
    let slots = SlotService(clinic: clinic, slots: SlotStore(database: database), pageTokens: pageTokens)
    let booking = BookingService(
        clinic: clinic, bookings: BookingStore(database: database), doctors: doctors, directory: directory,
        pageTokens: pageTokens)
    let bookingEvents = BookingEventStore(database: database)
    let feed = BookingFeed(events: bookingEvents)
    let watch = WatchService(
        clinic: clinic, events: bookingEvents, feed: feed, resumeTokens: pageTokens)
    let payment = PaymentService(
        clinic: clinic, transactions: TransactionStore(database: database), pageTokens: pageTokens)
    let admin = AdminService(
        clinic: clinic, events: EventStore(database: database), reports: ReportStore(database: database),
        consistency: ConsistencyStore(database: database),
        pageTokens: pageTokens)

    var endpoints = Endpoints(
        identity: Identity(tokens: accessTokens, standings: standings), logger: dependencies.logger,
        hasRoom: database.admits, afterChange: feed.hint)
    try endpoints.serve(dependencies.health)

    try endpoints.serve(UserServiceMethods.createUser, user.createUser)
    try endpoints.serve(UserServiceMethods.login, user.login)
    try endpoints.serve(UserServiceMethods.refreshToken, user.refreshToken)
    try endpoints.serve(UserServiceMethods.revokeTokens, user.revokeTokens)
    try endpoints.serve(UserServiceMethods.changePassword, user.changePassword)
    try endpoints.serve(UserServiceMethods.getUser, query: user.getUser)
    try endpoints.serve(UserServiceMethods.listUsers, user.listUsers)
    try endpoints.serve(UserServiceMethods.updateUser, user.updateUser)
    try endpoints.serve(UserServiceMethods.setUserRole, user.setUserRole)
    try endpoints.serve(UserServiceMethods.exportUserData, user.exportUserData)
    try endpoints.serve(UserServiceMethods.eraseUser, user.eraseUser)

    try endpoints.serve(DepartmentServiceMethods.listDepartments, start: department.listDepartments)
    try endpoints.serve(DepartmentServiceMethods.getDepartment, start: department.getDepartment)
    try endpoints.serve(
        DepartmentServiceMethods.createDepartment, directory.changing(department.createDepartment))
    try endpoints.serve(
        DepartmentServiceMethods.updateDepartment, directory.changing(department.updateDepartment))
    try endpoints.serve(
        DepartmentServiceMethods.deleteDepartment, directory.changing(department.deleteDepartment))

    try endpoints.serve(DoctorServiceMethods.listDoctors, start: doctor.listDoctors)
    try endpoints.serve(DoctorServiceMethods.getDoctor, start: doctor.getDoctor)
    try endpoints.serve(DoctorServiceMethods.registerDoctor, directory.changing(doctor.registerDoctor))
    try endpoints.serve(DoctorServiceMethods.updateDoctor, directory.changing(doctor.updateDoctor))
    try endpoints.serve(DoctorServiceMethods.deleteDoctor, directory.changing(doctor.deleteDoctor))
    try endpoints.serve(DoctorServiceMethods.setDoctorSchedule, directory.changing(doctor.setDoctorSchedule))
    try endpoints.serve(DoctorServiceMethods.createTimeOff, directory.changing(timeOff.createTimeOff))
    try endpoints.serve(DoctorServiceMethods.deleteTimeOff, directory.changing(timeOff.deleteTimeOff))
    try endpoints.serve(DoctorServiceMethods.listTimeOff, timeOff.listTimeOff)

    try endpoints.serve(BookingServiceMethods.searchSlots, query: slots.searchSlots)
    try endpoints.serve(BookingServiceMethods.holdSlot, booking.holdSlot)
    try endpoints.serve(BookingServiceMethods.confirmHold, booking.confirmHold)
    try endpoints.serve(BookingServiceMethods.bookAppointment, booking.bookAppointment)
    try endpoints.serve(BookingServiceMethods.getBooking, queue: .pointReads, query: booking.getBooking)
    try endpoints.serve(BookingServiceMethods.listMyBookings, query: booking.listMyBookings)
    try endpoints.serve(BookingServiceMethods.listBookings, query: booking.listBookings)
    try endpoints.serve(BookingServiceMethods.updateBookingStatus, booking.updateBookingStatus)
    try endpoints.serve(BookingServiceMethods.rescheduleBooking, booking.rescheduleBooking)
    try endpoints.serve(BookingServiceMethods.deleteBooking, booking.deleteBooking)
    try endpoints.serve(BookingServiceMethods.watchBookings, watch.watchBookings)

    try endpoints.serve(PaymentServiceMethods.listTransactions, query: payment.listTransactions)
    try endpoints.serve(PaymentServiceMethods.getTransaction, query: payment.getTransaction)
    try endpoints.serve(PaymentServiceMethods.getReceipt, query: payment.getReceipt)
    try endpoints.serve(PaymentServiceMethods.payBooking, payment.payBooking)
    try endpoints.serve(PaymentServiceMethods.refundTransaction, payment.refundTransaction)
    try endpoints.serve(PaymentServiceMethods.deleteTransaction, payment.deleteTransaction)

    try endpoints.serve(AdminServiceMethods.listAuditEvents, admin.listAuditEvents)
    try endpoints.serve(AdminServiceMethods.queryRevenue, admin.queryRevenue)
    try endpoints.serve(AdminServiceMethods.queryUtilization, admin.queryUtilization)
    try endpoints.serve(AdminServiceMethods.checkConsistency, admin.checkConsistency)
    try endpoints.checkServed(ClinicMessages.allServices + TTRPCMessages.allServices)
    return endpoints.table
}

/// The full names of the services, as health checks ask for them.
public var clinicServiceNames: [String] { ClinicMessages.allServices.map(\.name) }
