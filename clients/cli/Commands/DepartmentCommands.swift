// `clinic department`.

internal import ArgumentParser
internal import ClinicClient
internal import ClinicMessages
internal import RPC

struct ListDepartments: ListCommand {
    static let configuration = CommandConfiguration(
        "list", "List the departments.", example: "clinic department list")
    static let method = DepartmentServiceMethods.listDepartments

    @OptionGroup var page: PageOptions
    @OptionGroup var connection: ConnectionOptions

    func filter(_ console: Console) -> ListDepartmentsRequest { ListDepartmentsRequest() }
}

struct CreateDepartment: ChangeCommand {
    static let configuration = CommandConfiguration(
        "create", "Create a department. For administrators.",
        example: "clinic department create --name Cardiology --opens 08:00 --closes 18:00")
    static let method = DepartmentServiceMethods.createDepartment

    @Option(help: "Its name.")
    var name: String

    @Option(help: "HH:MM, when the first appointment may start.")
    var opens: String

    @Option(help: "HH:MM, when the last appointment ends; 24:00 for midnight.")
    var closes: String

    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    static let optionNames = departmentOptionNames

    func request(_ console: Console) -> CreateDepartmentRequest {
        CreateDepartmentRequest(departmentName: name, operatingStartHour: opens, operatingEndHour: closes)
    }
}

struct UpdateDepartment: ChangeCommand {
    static let configuration = CommandConfiguration(
        "update", "Change a department. For administrators.",
        example: "clinic department update 2 --closes 20:00")
    static let method = DepartmentServiceMethods.updateDepartment

    @Argument(help: "The number of the department.", completion: .departments)
    var id: Int64

    @Option(help: "A new name.")
    var name: String?

    @Option(help: "HH:MM, when the first appointment may start.")
    var opens: String?

    @Option(help: "HH:MM, when the last appointment ends.")
    var closes: String?

    @OptionGroup var version: VersionOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    static let optionNames = departmentOptionNames

    func request(_ console: Console) throws -> UpdateDepartmentRequest {
        let mask = try UpdatedFields.mask(of: [
            ("department_name", name != nil), ("operating_start_hour", opens != nil),
            ("operating_end_hour", closes != nil),
        ])
        let department = Department(
            departmentName: name ?? "", operatingStartHour: opens ?? "", operatingEndHour: closes ?? "")
        return UpdateDepartmentRequest(
            departmentID: id, department: department, updateMask: mask, etag: version.etag ?? "")
    }
}

struct DeleteDepartment: DestructiveCommand {
    static let configuration = CommandConfiguration(
        "delete", "Remove a department that has no doctors. For administrators.",
        "With --force its doctors are removed too, and their future bookings are cancelled and refunded in full.",
        example: "clinic department delete 2")
    static let method = DepartmentServiceMethods.deleteDepartment

    @Argument(help: "The number of the department.", completion: .departments)
    var id: Int64

    @Flag(help: "Remove its doctors too; cancel and refund their future bookings.")
    var force = false

    @OptionGroup var confirmation: ConfirmationOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> DeleteDepartmentRequest {
        DeleteDepartmentRequest(departmentID: id, force: force)
    }

    func confirmation(of response: DeleteDepartmentResponse) -> String? {
        ["department \(id) deleted", response.outcome].compactMap(\.self).joined(separator: "; ")
    }

    func consequence(_ client: ClinicClient) async throws(Status) -> String {
        let preview = try await client.call(
            Self.method, DeleteDepartmentRequest(departmentID: id, force: force, validateOnly: true))
        return [force ? "delete department \(id) and its doctors" : "delete department \(id)", preview.plan]
            .compactMap(\.self).joined(separator: ", ")
    }
}

private let departmentOptionNames = [
    "department_name": "--name", "operating_start_hour": "--opens", "operating_end_hour": "--closes",
]

/// The option of every command that changes an existing resource.
struct VersionOptions: ParsableArguments {
    @Option(help: "Change it only if its etag is still this one.")
    var etag: String?
}

/// The fields that an update changes.
enum UpdatedFields {
    /// The mask of the given fields; throws a usage error if there are none.
    static func mask(of fields: [(name: String, isGiven: Bool)]) throws -> ProtobufFieldMask {
        let paths = fields.filter(\.isGiven).map(\.name)
        guard !paths.isEmpty else { throw CommandFailure("nothing to change was given; see --help", .usage) }
        return ProtobufFieldMask(paths: paths)
    }
}
