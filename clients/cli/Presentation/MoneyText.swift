// Parsing and formatting of amounts, in whole minor units and without floating-point numbers.

internal import ArgumentParser
internal import ClinicMessages

/// Parses and formats amounts.
enum MoneyText {
    /// The number of decimal digits of currencies that do not have two (ISO 4217).
    private static let minorDigits: [String: Int] = Dictionary(
        [
            "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF",
            "XOF", "XPF",
        ]
        .map { ($0, 0) } + ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"].map { ($0, 3) }
    ) { first, _ in first }

    /// `221.09 AUD`, or `221.09`; empty for nil.
    static func text(_ money: Money?, withCurrency: Bool = true) -> String {
        guard let money else { return "" }
        let digits = digits(of: money.currencyCode)
        var text = String(money.minorUnits.magnitude)
        if digits > 0 {
            text = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
            text.insert(".", at: text.index(text.endIndex, offsetBy: -digits))
        }
        let sign = money.minorUnits < 0 ? "-" : ""
        return sign + text
            + (withCurrency && !money.currencyCode.isEmpty ? " " + money.currencyCode : "")
    }

    /// The number of digits after the point.
    static func digits(of currency: String) -> Int { minorDigits[currency] ?? 2 }
}

/// An amount as it was typed: `200`, `200.9`, `200.99` or `200.99 AUD`.
struct GivenAmount: Equatable, Sendable {
    private let whole: String
    private let fraction: String
    /// The code of the currency; nil means the clinic's.
    let currency: String?

    /// Parses an option; throws a usage error.
    static func parse(_ text: String) throws -> GivenAmount {
        let words = text.split(separator: " ")
        let pattern = /(?<whole>[0-9]+)(?:\.(?<fraction>[0-9]+))?/
        guard (1...2).contains(words.count), let match = words[0].wholeMatch(of: pattern) else {
            throw invalidFormat
        }
        let currency = words.count == 2 ? words[1].uppercased() : nil
        guard currency?.wholeMatch(of: /[A-Z]{3}/) != nil || currency == nil else { throw invalidFormat }
        let amount = GivenAmount(
            whole: String(match.whole), fraction: String(match.fraction ?? ""), currency: currency)
        // Wrong usage is reported before anything is sent, if that can be told.
        if currency != nil {
            do {
                _ = try amount.money(in: ClinicFacts())
            } catch {
                throw ValidationError(error.message)
            }
        }
        return amount
    }

    /// The amount in its own currency or the clinic's. It is sent with the currency, so that a clinic with another one
    /// rejects the amount instead of misreading it by a factor of a hundred.
    func money(in clinic: ClinicFacts) throws(CommandFailure) -> Money {
        guard let currency = currency ?? clinic.currency else {
            throw CommandFailure(
                "the clinic's currency is not known here; write it too, as in '200.99 AUD'", .usage)
        }
        let digits = MoneyText.digits(of: currency)
        guard fraction.count <= digits else {
            throw CommandFailure(
                digits == 0
                    ? "\(currency) has no digits after the point"
                    : "\(currency) has \(digits) digits after the point", .usage)
        }
        let zeros = String(repeating: "0", count: digits - fraction.count)
        guard let units = Int64(whole + fraction + zeros) else {
            throw CommandFailure("the amount is too large", .usage)
        }
        return Money(minorUnits: units, currencyCode: currency)
    }

    private static var invalidFormat: ValidationError {
        ValidationError("an amount is written like 200.99, or '200.99 AUD'")
    }
}
