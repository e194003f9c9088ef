// Registers all methods of the service: handlers on their stores, each behind the same interceptors.

public import Bcrypt
internal import ClinicMessages
public import ClinicStore
public import Logging
internal import ProtobufC
public import RPC
internal import RPCMessages

/// What the service needs from the deployment it runs in.
public struct ClinicDependencies: Sendable {
    /// The clinic's settings.
    public var clinic: ClinicSettings
    /// The stores over the migrated database.
    public var stores: Stores
    /// The pool that hashes passwords.
    public var passwords: BcryptPool
    /// The keys that tokens are signed with.
    public var signingKeys: SigningKeys
    /// The health service.
    public var health: HealthService
    /// Logs the errors whose details callers must not see.
    public var logger: Logger
    /// The maximum age of a cached role and token version: a user who was signed out, or whose role changed, can go on calling
    /// for so long.
    public var userAccessAge: Duration
    /// What callers without a token may call.
    public var anonymousMethods = Set(AnonymousMethod.allCases)
    /// How many days a session lasts at most, however often it is refreshed.
    public var sessionDays: Int64 = 90
    /// How many calls a second a caller may make, of the classes that are limited.
    public var rateLimits: [RateLimitedCalls: Rate] = [:]
    /// Where sign-ins and reads of personal data are noted.
    public var accessLog: AccessLog

    /// A deployment's parts.
    public init(
        clinic: ClinicSettings, stores: Stores, passwords: BcryptPool, signingKeys: SigningKeys,
        health: HealthService, accessLog: AccessLog, logger: Logger, userAccessAge: Duration = .seconds(5)
    ) {
        self.clinic = clinic
        self.stores = stores
        self.passwords = passwords
        self.signingKeys = signingKeys
        self.health = health
        self.accessLog = accessLog
        self.logger = logger
        self.userAccessAge = userAccessAge
    }
}

/// The clinic's methods, ready to be served. Throws `IncompleteService` when a method of the schema is
/// not served or has no row in the access table, and another error when there is no thread to listen to the database with.
public func clinicMethods(_ dependencies: ClinicDependencies) throws -> Router {
    let (clinic, stores) = (dependencies.clinic, dependencies.stores)
    let accessLog = dependencies.accessLog
    let accessTokens = AccessTokens(keys: dependencies.signingKeys)
    let sessionStore = stores.sessions
    let revocations = SessionRevocationCache(source: sessionStore, maximumAge: dependencies.userAccessAge)
    let pageTokens = PageTokens(keys: dependencies.signingKeys)
    let doctors = stores.doctors
    let directory = try stores.directory { DirectoryMapping($0, clinic) }

    let user = UserService(
        clinic: clinic, users: stores.users,
        personalData: stores.personalData, events: stores.events, passwords: dependencies.passwords,
        sessions: Sessions(
            store: sessionStore, accessTokens: accessTokens, keys: dependencies.signingKeys,
            revocations: revocations, accessLog: dependencies.accessLog,
            longestLifetime: dependencies.sessionDays * 86_400),
        revocations: revocations,
        signingKeys: dependencies.signingKeys, pageTokens: pageTokens,
        verifier: PasswordVerifier(
            credentials: stores.credentials, passwords: dependencies.passwords,
            keys: dependencies.signingKeys,
            accessLog: dependencies.accessLog))
    let passwordReset = PasswordResetService(
        resets: stores.passwordResets, passwords: dependencies.passwords, verifier: user.verifier,
        revocations: revocations, signingKeys: dependencies.signingKeys, pageTokens: pageTokens)
    let department = DepartmentService(
        clinic: clinic, departments: stores.departments, directory: directory,
        pageTokens: pageTokens)
    let doctor = DoctorService(
        clinic: clinic, doctors: doctors, directory: directory, pageTokens: pageTokens)
    let timeOff = TimeOffService(
        clinic: clinic, timeOff: stores.timeOff, pageTokens: pageTokens)
    let slots = SlotService(clinic: clinic, slots: stores.slots, pageTokens: pageTokens)
    let booking = BookingService(
        clinic: clinic, bookings: stores.bookings, doctors: doctors, directory: directory,
        pageTokens: pageTokens)
    let bookingEvents = stores.bookingEvents
    let feed = BookingFeed(events: bookingEvents)
    let watch = WatchService(
        clinic: clinic, events: bookingEvents, trail: stores.events, feed: feed, resumeTokens: pageTokens)
    let payment = PaymentService(
        clinic: clinic, transactions: stores.transactions, pageTokens: pageTokens)
    let admin = AdminService(
        clinic: clinic, events: stores.events, accessLog: stores.accessLog, reports: stores.reports,
        consistency: stores.consistency,
        pageTokens: pageTokens)

    var registry = ServiceRegistry(
        identity: Identity(tokens: accessTokens, revocations: revocations),
        anonymousMethods: dependencies.anonymousMethods, logger: dependencies.logger,
        admission: Admission(stores),
        rateLimits: CallRateLimits(dependencies.rateLimits), afterChange: feed.hint,
        isReused: { [keys = stores.idempotencyKeys, signingKeys = dependencies.signingKeys] call in
            try await keys.isReused(
                by: call.context,
                digests: ([call.context]
                    + signingKeys.all.map { try call.context.hidingRequest(under: $0) }).compactMap {
                        $0.key?.requestDigest
                    })
        })
    try registry.serve(dependencies.health)

    try registry.serve(UserServiceMethods.createUser, .task(user.createUser))
    try registry.serve(UserServiceMethods.login, .task(user.login))
    try registry.serve(UserServiceMethods.refreshToken, .task(user.refreshToken))
    try registry.serve(UserServiceMethods.revokeTokens, .task(user.revokeTokens))
    try registry.serve(UserServiceMethods.changePassword, .task(user.changePassword))
    try registry.serve(
        UserServiceMethods.requestPasswordReset, .task(passwordReset.requestPasswordReset))
    try registry.serve(
        UserServiceMethods.listPasswordResetRequests,
        .task(accessLog.reading(passwordReset.listPasswordResetRequests)))
    try registry.serve(UserServiceMethods.createPasswordReset, .task(passwordReset.createPasswordReset))
    try registry.serve(UserServiceMethods.resetPassword, .task(passwordReset.resetPassword))
    try registry.serve(UserServiceMethods.getUser, .query(accessLog.reading(user.getUser)))
    try registry.serve(UserServiceMethods.listUsers, .task(accessLog.reading(user.listUsers)))
    try registry.serve(UserServiceMethods.updateUser, .task(user.updateUser))
    try registry.serve(UserServiceMethods.setUserRole, .task(user.setUserRole))
    try registry.serve(
        UserServiceMethods.exportUserData, reauthorizing: accessLog.reading(user.exportUserData))
    try registry.serve(UserServiceMethods.eraseUser, .task(user.eraseUser))

    try registry.serve(DepartmentServiceMethods.listDepartments, .inMemory(department.listDepartments))
    try registry.serve(DepartmentServiceMethods.getDepartment, .inMemory(department.getDepartment))
    try registry.serve(
        DepartmentServiceMethods.createDepartment, .task(directory.changing(department.createDepartment)))
    try registry.serve(
        DepartmentServiceMethods.updateDepartment, .task(directory.changing(department.updateDepartment)))
    try registry.serve(
        DepartmentServiceMethods.deleteDepartment, .task(directory.changing(department.deleteDepartment)))

    try registry.serve(DoctorServiceMethods.listDoctors, .inMemory(doctor.listDoctors))
    try registry.serve(DoctorServiceMethods.getDoctor, .inMemory(doctor.getDoctor))
    try registry.serve(DoctorServiceMethods.registerDoctor, .task(directory.changing(doctor.registerDoctor)))
    try registry.serve(DoctorServiceMethods.updateDoctor, .task(directory.changing(doctor.updateDoctor)))
    try registry.serve(DoctorServiceMethods.deleteDoctor, .task(directory.changing(doctor.deleteDoctor)))
    try registry.serve(
        DoctorServiceMethods.setDoctorSchedule, .task(directory.changing(doctor.setDoctorSchedule)))
    try registry.serve(DoctorServiceMethods.createTimeOff, .task(directory.changing(timeOff.createTimeOff)))
    try registry.serve(DoctorServiceMethods.deleteTimeOff, .task(directory.changing(timeOff.deleteTimeOff)))
    try registry.serve(DoctorServiceMethods.listTimeOff, .task(timeOff.listTimeOff))

    try registry.serve(BookingServiceMethods.searchSlots, .query(slots.searchSlots))
    try registry.serve(BookingServiceMethods.holdSlot, .task(booking.holdSlot))
    try registry.serve(BookingServiceMethods.confirmHold, .task(booking.confirmHold))
    try registry.serve(BookingServiceMethods.bookAppointment, .task(booking.bookAppointment))
    try registry.serve(
        BookingServiceMethods.getBooking, .query(on: .pointReads, accessLog.reading(booking.getBooking)))
    try registry.serve(BookingServiceMethods.listMyBookings, .query(booking.listMyBookings))
    try registry.serve(BookingServiceMethods.listBookings, .query(accessLog.reading(booking.listBookings)))
    try registry.serve(BookingServiceMethods.updateBookingStatus, .task(booking.updateBookingStatus))
    try registry.serve(BookingServiceMethods.rescheduleBooking, .task(booking.rescheduleBooking))
    try registry.serve(BookingServiceMethods.deleteBooking, .task(booking.deleteBooking))
    try registry.serve(
        BookingServiceMethods.watchBookings, reauthorizing: accessLog.reading(watch.watchBookings))

    try registry.serve(
        PaymentServiceMethods.listTransactions, .query(accessLog.reading(payment.listTransactions)))
    try registry.serve(
        PaymentServiceMethods.getTransaction, .query(accessLog.reading(payment.getTransaction)))
    try registry.serve(PaymentServiceMethods.getReceipt, .query(accessLog.reading(payment.getReceipt)))
    try registry.serve(PaymentServiceMethods.payBooking, .task(payment.payBooking))
    try registry.serve(PaymentServiceMethods.refundTransaction, .task(payment.refundTransaction))
    try registry.serve(PaymentServiceMethods.deleteTransaction, .task(payment.deleteTransaction))

    try registry.serve(
        ClinicServiceMethods.getClinic, .inMemory(ClinicDescription(clinic: clinic).getClinic))

    try registry.serve(AdminServiceMethods.listAuditEvents, .task(accessLog.reading(admin.listAuditEvents)))
    try registry.serve(AdminServiceMethods.listAccessLog, .task(accessLog.reading(admin.listAccessLog)))
    try registry.serve(AdminServiceMethods.queryRevenue, .task(admin.queryRevenue))
    try registry.serve(AdminServiceMethods.queryUtilization, .task(admin.queryUtilization))
    try registry.serve(AdminServiceMethods.checkConsistency, .task(admin.checkConsistency))
    try registry.checkServed(ClinicMessages.allServices + RPCMessages.allServices)
    return registry.router
}

/// The full names of the services, as health checks ask for them.
public var clinicServiceNames: [String] { ClinicMessages.allServices.map(\.name) }
