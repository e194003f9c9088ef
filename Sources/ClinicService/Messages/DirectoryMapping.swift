// The directory with its encoded lists: a page of a list is a slice of their bytes, so that a response encodes nothing.

internal import ClinicMessages
internal import ClinicStore
internal import ProtobufC

/// The content of the directory cache.
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

    /// The doctors of a department, or all doctors for 0.
    func doctors(of departmentID: Int64) -> PackedList {
        departmentID == 0 ? doctors : doctorsOfDepartment[departmentID] ?? PackedList()
    }
}

/// The encoded items of a list, in the order of their ids.
struct PackedList: Sendable {
    private var ids: [Int64] = []
    /// The end of each item in `bytes`.
    private var ends: [Int] = []
    private var bytes: [UInt8] = []

    /// Appends an item.
    ///
    /// - Parameter page: a page of the list that contains only this item.
    mutating func append(_ id: Int64, _ page: some Message) {
        ids.append(id)
        bytes += page.encoded()
        ends.append(bytes.count)
    }

    /// At most `size` items after `id`, and the id of the last of them if more items follow.
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
