// The command tree: noun, then verb. A noun alone prints its help.

internal import ArgumentParser

/// The root command `clinic`.
struct ClinicCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clinic",
        abstract: "Books, pays and administers the appointments of a clinic.",
        usage: "clinic [<options>] <subcommand>",
        discussion: """
            Results go to standard output, everything else to standard error. Options can also be set in the \
            environment: CLINIC_ADDRESS, CLINIC_CA, CLINIC_CERT, CLINIC_KEY, CLINIC_OUTPUT, CLINIC_TIMEOUT, \
            CLINIC_SESSION_FILE, CLINIC_PROFILE; `clinic config` shows them.

            Exit codes: 0 success; 2 wrong usage; 3 invalid value; 4 not signed in, or not permitted; \
            5 not found; 6 conflict with the current state; 7 the server is unavailable; 1 anything else.

            Example:
              clinic login --email ada@example.com
              clinic booking create --doctor 3 --at 'tomorrow 10:00'
            """,
        version: "clinic 0.1.0",
        subcommands: [
            Login.self, Logout.self, WhoAmI.self, ResetPassword.self, UserCommands.self,
            DepartmentCommands.self,
            DoctorCommands.self, TimeOffCommands.self, SlotCommands.self,
            BookingCommands.self, TransactionCommands.self, CheckHealth.self, CallMethod.self,
            ListServices.self, Describe.self, ShowConfiguration.self, AuditCommands.self, ReportCommands.self,
        ])

    // Declared here too, so that the options may precede the noun.
    @OptionGroup var connection: ConnectionOptions
}

struct UserCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Sign up and manage your account; for staff, list the users.",
        subcommands: [
            CreateUser.self, ListUsers.self, FindUsers.self, ShowUser.self, UpdateUser.self,
            ChangePassword.self,
            SetUserRole.self, SignOutUser.self, ExportUser.self, EraseUser.self,
            ResetUserPassword.self, ListPasswordResets.self,
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
            ListMyBookings.self, TodayBookings.self, WatchBookings.self, RescheduleBooking.self,
            CancelBooking.self,
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
        abstract: "For administrators: the audit trail, the access log and a consistency check.",
        subcommands: [ListAuditEvents.self, ListAccessLog.self, CheckConsistency.self])
}

struct ReportCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "For administrators: revenue and utilization.",
        subcommands: [ShowRevenue.self, ShowUtilization.self])
}

extension CommandConfiguration {
    /// A command's configuration with an example to copy.
    init(_ name: String, _ abstract: String, _ discussion: String = "", example: String) {
        let paragraphs = [discussion, "Example:\n  \(example)"].filter { !$0.isEmpty }
        self.init(commandName: name, abstract: abstract, discussion: paragraphs.joined(separator: "\n\n"))
    }
}
