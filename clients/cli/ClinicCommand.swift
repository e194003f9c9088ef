// The commands by noun. A noun alone prints its help.

internal import ArgumentParser

/// `clinic`.
struct ClinicCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clinic",
        abstract: "Books, pays and administers the appointments of a clinic.",
        usage: "clinic [<options>] <subcommand>",
        discussion: """
            Lists and things go to standard output, everything else to standard error. Options come from the \
            environment as well: CLINIC_ADDRESS, CLINIC_CA, CLINIC_CERT, CLINIC_KEY, CLINIC_OUTPUT, CLINIC_TIMEOUT, \
            CLINIC_SESSION_FILE.

            Exit codes: 0 done; 2 wrong usage; 3 a value is not allowed; 4 not signed in, or not allowed to; \
            5 not found; 6 taken, or not possible in this state; 7 the server cannot serve now; 1 anything else.

            Example:
              clinic login --email ada@example.com
              clinic booking create --doctor 3 --at '24/11/2026 10:00:00'
            """,
        version: "clinic 0.1.0",
        subcommands: [
            Login.self, Logout.self, WhoAmI.self, UserCommands.self, DepartmentCommands.self,
            DoctorCommands.self, TimeOffCommands.self, SlotCommands.self,
            BookingCommands.self, TransactionCommands.self, Health.self, Call.self,
            ListServices.self, Describe.self, AuditCommands.self, ReportCommands.self,
        ])

    // Parsed here too, so that the options may stand before the noun.
    @OptionGroup var connection: ConnectionOptions
}

struct UserCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Sign up, look after your account; for staff, see who has one.",
        subcommands: [
            CreateUser.self, ListUsers.self, ShowUser.self, UpdateUser.self, ChangePassword.self,
            SetUserRole.self, SignOutUser.self, ExportUser.self, EraseUser.self,
        ])
}

struct DepartmentCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "department", abstract: "List departments; for administrators, change them.",
        subcommands: [
            ListDepartments.self, ShowDepartment.self, CreateDepartment.self, UpdateDepartment.self,
            DeleteDepartment.self,
        ])
}

struct DoctorCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "List doctors; for administrators, register and change them.",
        subcommands: [
            ListDoctors.self, ShowDoctor.self, RegisterDoctor.self, UpdateDoctor.self, SetDoctorSchedule.self,
            DeleteDoctor.self,
        ])
}

struct BookingCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "booking", abstract: "Make, list, pay and cancel appointments.",
        subcommands: [
            CreateBooking.self, HoldSlot.self, ConfirmHold.self, ShowBooking.self, ListBookings.self,
            ListMyBookings.self, WatchBookings.self, RescheduleBooking.self, CancelBooking.self,
            SetBookingStatus.self,
            DeleteBooking.self, PayBooking.self,
        ])
}

struct TransactionCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transaction", abstract: "List payments and print receipts; for administrators, refund.",
        subcommands: [
            ListTransactions.self, ShowTransaction.self, PrintReceipt.self, RefundTransaction.self,
            DeleteTransaction.self,
        ])
}

struct AuditCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "For administrators: who changed what, and whether all of it fits together.",
        subcommands: [ListAuditEvents.self, CheckConsistency.self])
}

struct ReportCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "For administrators: what came in, how time was used.",
        subcommands: [RevenueReport.self, UtilizationReport.self])
}

extension CommandConfiguration {
    /// A command with what it does and a line to copy.
    init(_ name: String, _ abstract: String, _ discussion: String = "", example: String) {
        let paragraphs = [discussion, "Example:\n  \(example)"].filter { !$0.isEmpty }
        self.init(commandName: name, abstract: abstract, discussion: paragraphs.joined(separator: "\n\n"))
    }
}
