// Parsing and formatting of amounts, in whole minor units and without floating-point numbers.

internal import ArgumentParser
internal import ClinicMessages

/// Parses and formats amounts.
enum MoneyText {
    /// The default currency. It is sent with the amount, so that a clinic with another currency rejects the amount
    /// instead of misreading it by a factor of a hundred.
    private static let defaultCurrency = "AUD"

    /// The number of decimal digits of currencies that do not have two (ISO 4217).
    private static let minorDigits: [String: Int] = Dictionary(
        [
            "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF",
            "XOF", "XPF",
        ]
        .map { ($0, 0) } + ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"].map { ($0, 3) }
    ) { first, _ in first }

    /// `221.09 AUD`; empty for nil.
    static func text(_ money: Money?) -> String {
        guard let money else { return "" }
        let digits = digits(of: money.currencyCode)
        var text = String(money.minorUnits.magnitude)
        if digits > 0 {
            text = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
            text.insert(".", at: text.index(text.endIndex, offsetBy: -digits))
        }
        let sign = money.minorUnits < 0 ? "-" : ""
        return sign + text + (money.currencyCode.isEmpty ? "" : " " + money.currencyCode)
    }

    /// Parses `200`, `200.9`, `200.99` or `200.99 AUD`.
    static func parse(_ text: String) throws -> Money {
        let words = text.split(separator: " ")
        guard (1...2).contains(words.count) else { throw invalidFormat }
        let currency = words.count == 2 ? words[1].uppercased() : defaultCurrency
        guard currency.count == 3, currency.allSatisfy({ $0.isASCII && $0.isLetter }) else {
            throw invalidFormat
        }
        let parts = words[0].split(separator: ".", omittingEmptySubsequences: false)
        let digits = digits(of: currency)
        guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(isDigit) })
        else {
            throw invalidFormat
        }
        let fraction = parts.count == 2 ? String(parts[1]) : ""
        guard fraction.count <= digits else {
            throw ValidationError("\(currency) has \(digits) digits after the point")
        }
        let zeros = String(repeating: "0", count: digits - fraction.count)
        guard let units = Int64(parts[0] + fraction + zeros) else {
            throw ValidationError("the amount is too large")
        }
        return Money(minorUnits: units, currencyCode: currency)
    }

    private static func digits(of currency: String) -> Int { minorDigits[currency] ?? 2 }

    private static func isDigit(_ character: Character) -> Bool { ("0"..."9").contains(character) }

    private static var invalidFormat: ValidationError {
        ValidationError("an amount is written like 200.99, or '200.99 AUD'")
    }
}
