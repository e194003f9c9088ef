// The calls of a scenario and their shares: a preset by its name, or what `--mix` says.

/// What a scenario does. The raw value is its name in `--mix`.
enum Operation: String, CaseIterable, Sendable {
    case departments, doctors, doctor, search
    case book, hold, confirm, show, mine, pay, cancel, reschedule, receipt, refund
    case bookings, transactions, audit, revenue, utilization

    /// What is called, as reports show it.
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

    /// Whether only an administrator may call it, or sees what makes it worth calling.
    var isForAdministrators: Bool {
        switch self {
        case .audit, .revenue, .utilization, .bookings, .transactions: true
        default: false
        }
    }
}

/// Calls and their shares.
struct OperationMix: Sendable, Equatable {
    /// A preset's name, or the text of `--mix`.
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

    /// The mixes that have a name.
    static let presets: [OperationMix] = [
        OperationMix(name: "browse", [.departments: 5, .doctors: 15, .doctor: 20, .search: 60]),
        OperationMix(name: "book", [.book: 1]),
        OperationMix(name: "pay", [.book: 1, .pay: 1]),
        day,
        OperationMix(name: "race", [.book: 9, .cancel: 1]),
        OperationMix(
            name: "report", [.revenue: 1, .utilization: 1, .audit: 4, .transactions: 4, .bookings: 4]),
    ]

    /// What a clinic's day is made of; the default.
    static let day = OperationMix(
        name: "day",
        [
            .departments: 3, .doctors: 8, .doctor: 10, .search: 30, .book: 15, .show: 8, .mine: 6, .pay: 8,
            .receipt: 3, .reschedule: 4, .cancel: 4, .refund: 1,
        ])

    /// The share of bookings that go for the hot slots when nothing is said.
    var hotShare: Double { name == "race" ? 1 : 0 }

    /// The preset of this name, or nil.
    static func preset(_ name: String) -> OperationMix? { presets.first { $0.name == name } }

    /// Reads `book=5,search=20`; throws what is wrong with it.
    init(parsing text: String) throws(MixError) {
        var weights: [Operation: Double] = [:]
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let sides = part.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard let operation = Operation(rawValue: sides[0]) else {
                throw MixError(
                    "\(sides[0]) is no operation; there are "
                        + Operation.allCases.map(\.rawValue).joined(separator: ", "))
            }
            guard sides.count == 2, let weight = Double(sides[1]), weight > 0, weight <= 1e6 else {
                throw MixError("\(part): an operation has a share above 0, as in \(operation.rawValue)=5")
            }
            guard weights.updateValue(weight, forKey: operation) == nil else {
                throw MixError("\(operation.rawValue) is there twice")
            }
        }
        self.init(name: text, weights)
    }
}

/// A mix that is not one.
struct MixError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
