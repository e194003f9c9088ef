// How text for people is written: in which zone, and how wide.

internal import Scheduling

/// What a client knows of the clinic to read and to write times and amounts.
struct ClinicFacts: Sendable {
    /// The clinic's time zone; nil if the server did not tell it or this machine does not know it.
    var zone: TimeZoneRules?
    /// The code of the clinic's currency; nil if the server did not tell it.
    var currency: String?
}

/// How text for people is written.
struct TextStyle: Sendable {
    var times = TimeStyle()
    /// The clinic, for times that the server gives as local text.
    var clinic = ClinicFacts()
    /// The width of the terminal in columns; nil does not limit tables.
    var width: Int?
    /// The names of the columns to show; nil shows those of the kind of list.
    var columns: [String]?
    /// Whether titles stand out on the terminal.
    var isColoured = false

    /// A time that the server gives as local text.
    func local(_ text: String) -> String { times.text(ofLocal: text, in: clinic.zone) }
}
