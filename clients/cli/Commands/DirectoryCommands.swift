// Commands that show one department or doctor, and set a doctor's weekly hours.

internal import ArgumentParser
internal import ClinicMessages

struct ShowDepartment: RemoteCommand {
    static let configuration = CommandConfiguration(
        "show", "Show a department.", example: "clinic department show 2")
    static let method = DepartmentServiceMethods.getDepartment

    @Argument(help: "The number of the department.", completion: .departments)
    var id: Int64

    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> GetDepartmentRequest { GetDepartmentRequest(departmentID: id) }
}

struct ShowDoctor: RemoteCommand {
    static let configuration = CommandConfiguration("show", "Show a doctor.", example: "clinic doctor show 3")
    static let method = DoctorServiceMethods.getDoctor

    @Argument(help: "The number of the doctor.", completion: .doctors)
    var id: Int64

    @OptionGroup var connection: ConnectionOptions

    func request(_ console: Console) -> GetDoctorRequest { GetDoctorRequest(doctorID: id) }
}

struct SetDoctorSchedule: ChangeCommand {
    static let configuration = CommandConfiguration(
        "set-schedule", "Replace the hours of a doctor's week. For administrators.",
        "They must be within the department's hours. With --clear the doctor works whenever the department is open.",
        example: "clinic doctor set-schedule 3 'mon-thu 09:00-12:00 13:00-17:00' 'fri,sat 09:00-13:00'")
    static let method = DoctorServiceMethods.setDoctorSchedule

    @Argument(help: "The number of the doctor.", completion: .doctors)
    var id: Int64

    @Argument(help: "Days and their hours, such as 'mon-fri 09:00-17:00'.", transform: WorkingHours.parse)
    var hours: [[WorkingHours]] = []

    @Flag(help: "Remove the doctor's own hours.")
    var clear = false

    @OptionGroup var version: VersionOptions
    @OptionGroup var change: ChangeOptions
    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        guard hours.isEmpty == clear else { throw ValidationError("either hours or --clear is needed") }
    }

    func request(_ console: Console) -> SetDoctorScheduleRequest {
        SetDoctorScheduleRequest(
            doctorID: id, weeklyHours: hours.flatMap(\.self), etag: version.etag ?? "")
    }
}
