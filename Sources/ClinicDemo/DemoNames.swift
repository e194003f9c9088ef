// The names, hours and prices of the invented clinic.

extension DemoClinic {
    /// The most patients that have different names.
    static let patientLimit = patientNames.count + firstNames.count * lastNames.count

    typealias DepartmentRow = (
        name: String, opens: String, closes: String, fee: Int64, slotMinutes: Int64, isGSTFree: Bool
    )

    static let departmentRows: [DepartmentRow] = [
        ("Cardiology", "08:00", "17:00", 28_500, 30, false),
        ("Dermatology", "09:00", "17:30", 21_000, 15, false),
        ("Emergency", "00:00", "24:00", 18_000, 20, true),
        ("General Practice", "07:30", "20:00", 9_250, 15, true),
        ("Neurology", "08:00", "16:00", 33_000, 60, false),
        ("Obstetrics", "08:00", "18:00", 24_000, 30, true),
        ("Paediatrics", "08:00", "18:00", 16_500, 20, true),
        ("Radiology", "07:00", "19:00", 20_099, 30, false),
    ]

    static let doctorNames = [
        ["Amelia Hart", "Rohan Mehta", "Grace Okafor", "Luca Ferrari", "Wei Zhang"],
        ["Isla Campbell", "Tomás Herrera", "Priya Nair", "Henrik Olsen", "Mina Park"],
        ["Noah Bennett", "Fatima Al-Sayed", "Jack Murphy", "Aiko Tanaka", "Samuel Adeyemi"],
        ["Olivia Chen", "Daniel Kowalski", "Ruby Walker", "Arjun Singh", "Chloé Martin"],
        ["Ethan Brooks", "Zara Hussain", "Mateo Silva", "Hannah Weiss", "Kenji Mori"],
        ["Sophie Laurent", "Thandiwe Ndlovu", "Emma Jensen", "Leila Haddad", "Maria Rossi"],
        ["Lucas Nguyen", "Freya Larsen", "Omar Farouk", "Ella Thompson", "Ravi Patel"],
        ["Charlotte Evans", "Ivan Petrov", "Mei Lin", "Patrick O'Brien", "Nadia Rahman"],
    ]

    static let patientNames = [
        ("Alice", "Nguyen"), ("Ben", "Carter"), ("Chandra", "Rao"), ("Dina", "Haddad"), ("Erik", "Lund"),
        ("Fiona", "Mackay"),
    ]

    static let firstNames = [
        "Aaron", "Bella", "Carlos", "Daisy", "Elias", "Flora", "George", "Hana", "Ismail", "Julia", "Kofi",
        "Lena",
        "Marco", "Nora", "Oscar", "Petra", "Quentin", "Rosa", "Stefan", "Tara", "Uma", "Viktor", "Wendy",
        "Xin",
        "Yusuf", "Zoe", "Adam", "Bianca", "Connor", "Divya", "Emil", "Farah",
    ]

    static let lastNames = [
        "Abbott", "Baker", "Costa", "Dalton", "Eriksen", "Fischer", "Garcia", "Hughes", "Ito", "Jones",
        "Kaya", "Lewis",
        "Moretti", "Novak", "Ortiz", "Pham", "Quinn", "Roberts", "Sato", "Taylor", "Ueda", "Vargas", "White",
        "Xu",
        "Young", "Zimmer", "Ali", "Bauer", "Clarke", "Diaz", "Evans", "Fraser",
    ]
}
