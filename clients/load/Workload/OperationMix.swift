// The operations of a scenario and their shares: a named preset, or the value of `--mix`.

/// An operation of a scenario. The raw value is its name in `--mix`.
enum Operation: String, CaseIterable, Sendable {
    case departments, doctors, doctor, search
    case book, hold, confirm, show, mine, pay, cancel, reschedule, receipt, refund
    case bookings, transactions, audit, revenue, utilization

    /// The method name shown in reports.
    var method: String {
        switch self {
        case .departments: "DepartmentService/ListDepartments"
        case .doctors: "DoctorService/ListDoctors"
        case .doctor: "DoctorService/GetDoctor"
        case .search: "BookingService/SearchSlots"
        case .book: "BookingService/BookAppointment"
        case .hold: "BookingService/HoldSlot"
        case .confirm: "BookingService/ConfirmHold"
        case .show: "BookingService/GetBooking"
        case .mine: "BookingService/ListMyBookings"
        case .pay: "PaymentService/PayBooking"
        case .cancel: "BookingService/UpdateBookingStatus"
        case .reschedule: "BookingService/RescheduleBooking"
        case .receipt: "PaymentService/GetReceipt"
        case .refund: "PaymentService/RefundTransaction"
        case .bookings: "BookingService/ListBookings"
        case .transactions: "PaymentService/ListTransactions"
        case .audit: "AdminService/ListAuditEvents"
        case .revenue: "AdminService/QueryRevenue"
        case .utilization: "AdminService/QueryUtilization"
        }
    }

    /// Whether it needs an administrator, or is only useful to one.
    var isForAdministrators: Bool {
        switch self {
        case .audit, .revenue, .utilization, .bookings, .transactions: true
        default: false
        }
    }
}

/// Operations and their shares.
struct OperationMix: Sendable, Equatable {
    /// The preset's name, or the text of `--mix`.
    let name: String
    /// In the order of `Operation.allCases`; every weight is above 0.
    let weights: [(operation: Operation, weight: Double)]

    static func == (one: OperationMix, other: OperationMix) -> Bool {
        one.name == other.name && one.weights.elementsEqual(other.weights, by: ==)
    }

    private init(name: String, _ weights: [Operation: Double]) {
        self.name = name
        self.weights = Operation.allCases.compactMap { operation in
            weights[operation].map { (operation, $0) }
        }
    }

    /// The named mixes.
    static let presets: [OperationMix] = [
        OperationMix(name: "browse", [.departments: 5, .doctors: 15, .doctor: 20, .search: 60]),
        OperationMix(name: "book", [.book: 1]),
        OperationMix(name: "pay", [.book: 1, .pay: 1]),
        day,
        OperationMix(name: "race", [.book: 9, .cancel: 1]),
        OperationMix(
            name: "report", [.revenue: 1, .utilization: 1, .audit: 4, .transactions: 4, .bookings: 4]),
    ]

    /// The mix of a typical day; the default.
    static let day = OperationMix(
        name: "day",
        [
            .departments: 3, .doctors: 8, .doctor: 10, .search: 30, .book: 15, .show: 8, .mine: 6, .pay: 8,
            .receipt: 3, .reschedule: 4, .cancel: 4, .refund: 1,
        ])

    /// The default share of bookings that compete for hot slots.
    var hotShare: Double { name == "race" ? 1 : 0 }

    /// The preset of this name, or nil.
    static func preset(_ name: String) -> OperationMix? { presets.first { $0.name == name } }

    /// Parses `book=5,search=20`; throws a message about what is wrong.
    init(parsing text: String) throws(MixError) {
        var weights: [Operation: Double] = [:]
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let sides = part.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard let operation = Operation(rawValue: sides[0]) else {
                throw MixError(
                    "unknown operation \(sides[0]); the operations are "
                        + Operation.allCases.map(\.rawValue).joined(separator: ", "))
            }
            guard sides.count == 2, let weight = Double(sides[1]), weight > 0, weight <= 1e6 else {
                throw MixError(
                    "\(part): the share of an operation must be above 0, as in \(operation.rawValue)=5")
            }
            guard weights.updateValue(weight, forKey: operation) == nil else {
                throw MixError("\(operation.rawValue) is given twice")
            }
        }
        self.init(name: text, weights)
    }
}

/// A malformed mix.
struct MixError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
