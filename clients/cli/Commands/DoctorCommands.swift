// `clinic doctor`.

internal import ArgumentParser
internal import ClinicClient
internal import ClinicMessages
internal import RPC

struct ListDoctors: ListCommand {
    static let configuration = CommandConfiguration(
        "list", "List the doctors.", example: "clinic doctor list --department 2")
    static let method = DoctorServiceMethods.listDoctors

    @Option(help: "Only doctors of this department.", completion: .departments)
    var department: Int64?

    @OptionGroup var page: PageOptions
    @OptionGroup var connection: ConnectionOptions

    func filter(_ console: Console) -> ListDoctorsRequest {
        ListDoctorsRequest(departmentID: department ?? 0)
    }
}

struct RegisterDoctor: ChangeCommand {
    static let configuration = CommandConfiguration(
        "register", "Register a doctor with a department. For administrators.",
        example: """
            clinic doctor register --department 2 --name 'Dr Grace Hopper' --registration-number MED0001234567 \
            --registration-expiry 2027-09-30 --fee 200.99
            """)
    static let method = DoctorServiceMethods.registerDoctor

    @Option(help: "The number of the department.", completion: .departments)
    var department: Int64

    @Option(help: "The name to print.")
    var name: String

    @Option(help: "Up to 32 characters.")
    var registrationNumber: String

    @Option(help: "The last day it is valid, such as 2027-09-30.", transform: GivenTime.parse)
    var registrationExpiry: GivenTime

    @Option(
        help: "The price of a visit before GST, in the clinic's currency, such as 200.99 or '200.99 AUD'.",
        transform: GivenAmount.parse)
    var fee: GivenAmount

    @Option(help: "The length of an appointment, 5 to 240. [default: 30]")
    var slotMinutes: Int64?

    @Flag(help: "No GST is charged.")
    var gstFree = false

    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    static let optionNames = doctorOptionNames

    var needsClinic: Bool { fee.currency == nil || registrationExpiry.isRelative }

    func request(_ console: Console) throws -> RegisterDoctorRequest {
        RegisterDoctorRequest(
            departmentID: department, fullName: name, registrationNumber: registrationNumber,
            registrationExpiry: try console.clock.day(registrationExpiry),
            consultationFee: try fee.money(in: console.clinic), slotMinutes: slotMinutes ?? 0,
            gstFree: gstFree)
    }
}

struct UpdateDoctor: ChangeCommand {
    static let configuration = CommandConfiguration(
        "update", "Change a doctor. For administrators.",
        "A new fee applies to new bookings only.",
        example: "clinic doctor update 3 --fee 210 --gst-free")
    static let method = DoctorServiceMethods.updateDoctor

    @Argument(help: "The number of the doctor.", completion: .doctors)
    var id: Int64

    @Option(help: "The department to move to.", completion: .departments)
    var department: Int64?

    @Option(help: "The name to print.")
    var name: String?

    @Option(help: "Up to 32 characters.")
    var registrationNumber: String?

    @Option(help: "The last day it is valid, such as 2027-09-30.", transform: GivenTime.parse)
    var registrationExpiry: GivenTime?

    @Option(
        help: "The price of a visit before GST, in the clinic's currency, such as 200.99 or '200.99 AUD'.",
        transform: GivenAmount.parse)
    var fee: GivenAmount?

    @Option(help: "The length of an appointment, 5 to 240.")
    var slotMinutes: Int64?

    @Flag(inversion: .prefixedNo, help: "Whether no GST is charged.")
    var gstFree: Bool?

    @OptionGroup var version: VersionOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    static let optionNames = doctorOptionNames

    var needsClinic: Bool {
        fee.map { $0.currency == nil } ?? false || registrationExpiry?.isRelative ?? false
    }

    func request(_ console: Console) throws -> UpdateDoctorRequest {
        let mask = try UpdatedFields.mask(of: [
            ("full_name", name != nil), ("registration_number", registrationNumber != nil),
            ("registration_expiry", registrationExpiry != nil), ("consultation_fee", fee != nil),
            ("slot_minutes", slotMinutes != nil), ("gst_free", gstFree != nil),
            ("department", department != nil),
        ])
        let doctor = Doctor(
            fullName: name ?? "", registrationNumber: registrationNumber ?? "",
            registrationExpiry: try registrationExpiry.map(console.clock.day) ?? "",
            consultationFee: try fee.map { try $0.money(in: console.clinic) }, slotMinutes: slotMinutes ?? 0,
            gstFree: gstFree ?? false, department: department.map { DepartmentSummary(id: $0) })
        return UpdateDoctorRequest(doctorID: id, doctor: doctor, updateMask: mask, etag: version.etag ?? "")
    }
}

struct DeleteDoctor: DestructiveCommand {
    static let configuration = CommandConfiguration(
        "delete", "Remove a doctor who has no future bookings. For administrators.",
        "With --force the future bookings are cancelled and refunded in full.",
        example: "clinic doctor delete 3")
    static let method = DoctorServiceMethods.deleteDoctor

    @Argument(help: "The number of the doctor.", completion: .doctors)
    var id: Int64

    @Flag(help: "Cancel and refund the future bookings.")
    var force = false

    @OptionGroup var confirmation: ConfirmationOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> DeleteDoctorRequest {
        DeleteDoctorRequest(doctorID: id, force: force)
    }

    func confirmation(of response: DeleteDoctorResponse) -> String? {
        ["doctor \(id) deleted", response.outcome].compactMap(\.self).joined(separator: "; ")
    }

    func consequence(_ client: ClinicClient) async throws(Status) -> String {
        let preview = try await client.call(
            Self.method, DeleteDoctorRequest(doctorID: id, force: force, validateOnly: true))
        return ["delete doctor \(id)", preview.plan].compactMap(\.self).joined(separator: ", ")
    }
}

private let doctorOptionNames = ["full_name": "--name", "consultation_fee": "--fee"]
