// The directory in the form in which it is answered: its lists are encoded once, and a page is a piece of their bytes.

internal import ClinicMessages
internal import ClinicStore
internal import ProtobufC

/// What is kept of the directory.
final class DirectoryMapping: Sendable {
    let records: DirectoryRecords
    let departments: PackedList
    private let doctors: PackedList
    private let doctorsOfDepartment: [Int64: PackedList]

    init(_ records: DirectoryRecords, _ clinic: ClinicSettings) {
        self.records = records
        var (departments, doctors) = (PackedList(), PackedList())
        var doctorsOfDepartment: [Int64: PackedList] = [:]
        for record in records.departments {
            departments.append(record.id, ListDepartmentsResponse(departments: [Department(record)]))
        }
        for record in records.doctors {
            let page = ListDoctorsResponse(doctors: [Doctor(record, clinic)])
            doctors.append(record.id, page)
            doctorsOfDepartment[record.department.id, default: PackedList()].append(record.id, page)
        }
        self.departments = departments
        self.doctors = doctors
        self.doctorsOfDepartment = doctorsOfDepartment
    }

    /// The doctors of a department, or all with 0.
    func doctors(of departmentID: Int64) -> PackedList {
        departmentID == 0 ? doctors : doctorsOfDepartment[departmentID] ?? PackedList()
    }
}

/// The items of a list in the order of their ids, encoded.
struct PackedList: Sendable {
    private var ids: [Int64] = []
    /// Where the bytes of each item end.
    private var ends: [Int] = []
    private var bytes: [UInt8] = []

    /// Adds an item at the end.
    ///
    /// - Parameter page: a page of the list with nothing but this item.
    mutating func append(_ id: Int64, _ page: some Message) {
        ids.append(id)
        bytes += page.encoded()
        ends.append(bytes.count)
    }

    /// The first items behind `id`, at most so many, and the id of the last of them unless it is the last of all.
    func page(after id: Int64?, size: Int) -> (bytes: ArraySlice<UInt8>, last: Int64?) {
        let start = id.map(place(after:)) ?? 0
        let end = min(start + size, ids.count)
        guard start < end else { return ([], nil) }
        let range = (start == 0 ? 0 : ends[start - 1])..<ends[end - 1]
        return (bytes[range], end < ids.count ? ids[end - 1] : nil)
    }

    private func place(after id: Int64) -> Int {
        var (low, high) = (0, ids.count)
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] <= id { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
