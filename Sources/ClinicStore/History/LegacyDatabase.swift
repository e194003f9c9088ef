// The database of the REST service that this one replaces, read whole. Nothing guarded it, so every value but the ids is
// taken as text, and whoever translates it decides what it means.

internal import PostgreSQL

/// The rows of an old database, each table by id.
public struct LegacyRows: Sendable {
    /// A row of `users`.
    public struct User: Sendable {
        /// Its number.
        public var id: Int64
        /// As they were typed.
        public var firstName, lastName, phone, email, passwordHash: String?
        /// Whether it is an administrator.
        public var isAdministrator: Bool

        /// A row; what is nil was null.
        public init(
            id: Int64, firstName: String?, lastName: String?, phone: String?, email: String?,
            passwordHash: String?, isAdministrator: Bool
        ) {
            self.id = id
            self.firstName = firstName
            self.lastName = lastName
            self.phone = phone
            self.email = email
            self.passwordHash = passwordHash
            self.isAdministrator = isAdministrator
        }
    }

    /// A row of `department`; hours as `09:00:00` or `9`, days as `2024-03-01`.
    public struct Department: Sendable {
        /// Its number.
        public var id: Int64
        /// Its name, its hours and its days.
        public var name, opens, closes, createdDate, lastUpdate: String?

        /// A row; what is nil was null.
        public init(
            id: Int64, name: String?, opens: String?, closes: String?, createdDate: String?,
            lastUpdate: String?
        ) {
            self.id = id
            self.name = name
            self.opens = opens
            self.closes = closes
            self.createdDate = createdDate
            self.lastUpdate = lastUpdate
        }
    }

    /// A row of `doctor`; the fee as a decimal number in major units.
    public struct Doctor: Sendable {
        /// Its number.
        public var id: Int64
        /// Name, registration and fee.
        public var fullName, registrationNumber, registrationExpiry, fee: String?
        /// The number of its department.
        public var departmentID: Int64?

        /// A row; what is nil was null.
        public init(
            id: Int64, fullName: String?, registrationNumber: String?, registrationExpiry: String?,
            fee: String?, departmentID: Int64?
        ) {
            self.id = id
            self.fullName = fullName
            self.registrationNumber = registrationNumber
            self.registrationExpiry = registrationExpiry
            self.fee = fee
            self.departmentID = departmentID
        }
    }

    /// A row of `booking`; the local time as `24/11/2026 10:00:00`.
    public struct Booking: Sendable {
        /// Its number.
        public var id: Int64
        /// The local time and the status.
        public var dateTime, status: String?
        /// The numbers of patient and doctor.
        public var userID, doctorID: Int64?

        /// A row; what is nil was null.
        public init(id: Int64, dateTime: String?, status: String?, userID: Int64?, doctorID: Int64?) {
            self.id = id
            self.dateTime = dateTime
            self.status = status
            self.userID = userID
            self.doctorID = doctorID
        }
    }

    /// A row of `transaction`; amounts as decimal numbers in major units.
    public struct Transaction: Sendable {
        /// Its number.
        public var id: Int64
        /// Amounts and status.
        public var fee, gst, total, status: String?
        /// The number of its booking.
        public var bookingID: Int64?

        /// A row; what is nil was null.
        public init(
            id: Int64, fee: String?, gst: String?, total: String?, status: String?, bookingID: Int64?
        ) {
            self.id = id
            self.fee = fee
            self.gst = gst
            self.total = total
            self.status = status
            self.bookingID = bookingID
        }
    }

    /// The table `users`.
    public var users: [User] = []
    /// The table `department`.
    public var departments: [Department] = []
    /// The table `doctor`.
    public var doctors: [Doctor] = []
    /// The table `booking`.
    public var bookings: [Booking] = []
    /// The table `transaction`.
    public var transactions: [Transaction] = []

    /// No rows.
    public init() {}

    /// Reads all rows of an old database as they were at one moment. Throws a `DatabaseError`, such as for a table or a
    /// column that is not there.
    public static func read(from url: String) async throws -> LegacyRows {
        try await AdminConnection.withConnection(url: url) { connection in
            var rows = LegacyRows()
            try connection.transaction { () throws(DatabaseError) in
                try connection.execute("set transaction isolation level repeatable read, read only")
                try rows.readPeople(connection)
                try rows.readVisits(connection)
            }
            return rows
        }
    }

    private mutating func readPeople(_ connection: AdminConnection) throws(DatabaseError) {
        let users = try connection.query(
            """
            select id::bigint, first_name::text, last_name::text, phone::text, email::text, password::text,
                coalesce(is_admin::text in ('true', 't', '1'), false)
            from users order by id
            """)
        for var row in users {
            self.users.append(
                User(
                    id: try row.int64(), firstName: try row.optionalText(), lastName: try row.optionalText(),
                    phone: try row.optionalText(), email: try row.optionalText(),
                    passwordHash: try row.optionalText(), isAdministrator: try row.bool()))
        }
        let departments = try connection.query(
            """
            select id::bigint, department_name::text, operating_start_hour::text, operating_end_hour::text,
                left(created_date::text, 10), left(last_update::text, 10)
            from department order by id
            """)
        for var row in departments {
            self.departments.append(
                Department(
                    id: try row.int64(), name: try row.optionalText(), opens: try row.optionalText(),
                    closes: try row.optionalText(), createdDate: try row.optionalText(),
                    lastUpdate: try row.optionalText()))
        }
        let doctors = try connection.query(
            """
            select id::bigint, full_name::text, registration_number::text, left(registration_expiry::text, 10),
                consultation_fee::numeric::text, department_id::bigint
            from doctor order by id
            """)
        for var row in doctors {
            self.doctors.append(
                Doctor(
                    id: try row.int64(), fullName: try row.optionalText(),
                    registrationNumber: try row.optionalText(), registrationExpiry: try row.optionalText(),
                    fee: try row.optionalText(), departmentID: try row.optionalInt64()))
        }
    }

    private mutating func readVisits(_ connection: AdminConnection) throws(DatabaseError) {
        let bookings = try connection.query(
            """
            select id::bigint, to_char(booking_date_time::timestamp, 'DD/MM/YYYY HH24:MI:SS'), status::text,
                user_id::bigint, doctor_id::bigint
            from booking order by id
            """)
        self.bookings.reserveCapacity(bookings.count)
        for var row in bookings {
            self.bookings.append(
                Booking(
                    id: try row.int64(), dateTime: try row.optionalText(), status: try row.optionalText(),
                    userID: try row.optionalInt64(), doctorID: try row.optionalInt64()))
        }
        let transactions = try connection.query(
            """
            select id::bigint, fee::numeric::text, "GST"::numeric::text, total_fee::numeric::text, status::text,
                booking_id::bigint
            from transaction order by id
            """)
        self.transactions.reserveCapacity(transactions.count)
        for var row in transactions {
            self.transactions.append(
                Transaction(
                    id: try row.int64(), fee: try row.optionalText(), gst: try row.optionalText(),
                    total: try row.optionalText(), status: try row.optionalText(),
                    bookingID: try row.optionalInt64()))
        }
    }
}
