// The settings of one run, each from the first place that has it: option, environment, profile, default.

internal import ArgumentParser
internal import ClinicClient
internal import OpenSSL
internal import RPC

/// The settings of one run.
struct Settings {
    let addresses: ServerAddresses
    /// For a `tls:` address.
    let tls: TLSContext?
    let output: OutputForm
    let display: DisplayOptions
    let timeout: Duration
    /// Every setting as text, with the place that it comes from.
    let origins: [(name: String, value: String, origin: String)]

    /// Throws a usage error for an invalid variable or profile.
    init(_ options: ConnectionOptions, _ console: Console) throws {
        var places = SettingPlaces(
            console: console, profile: try Profile.find(options.profile, console))
        addresses =
            try places.find("address", options.address, AddressText.parse, \.description)
            ?? places.standard("address", DefaultAddress.find(console), \.description)
        let ca = try places.find("ca", options.ca, { $0 }, \.self)
        let certificate = try places.find("cert", options.cert, { $0 }, \.self)
        let key = try places.find("key", options.key, { $0 }, \.self)
        if addresses.useTLS {
            tls = try Self.tls(ca, certificate, key)
        } else {
            // Variables and profiles are ignored for other addresses, options are not.
            guard options.ca == nil, options.cert == nil, options.key == nil else {
                throw CommandFailure(
                    "--ca, --cert and --key are for a tls: address, not \(addresses)", .usage)
            }
            tls = nil
        }
        output =
            try places.find("output", options.display.output, Self.outputForm, \.rawValue)
            ?? places.standard("output", .table, \.rawValue)
        timeout =
            try places.find("timeout", options.timeout, TimeoutText.parse, TimeoutText.text)
            ?? places.standard("timeout", .seconds(10), TimeoutText.text)
        display = options.display
        origins = places.found
        guard display.columns == nil || output == .table || output == .csv else {
            throw CommandFailure("--columns goes with --output table or csv", .usage)
        }
    }

    private static func outputForm(_ text: String) throws -> OutputForm {
        guard let form = OutputForm(rawValue: text) else {
            let names = OutputForm.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("choose one of \(names)")
        }
        return form
    }

    /// Throws a usage error for unusable files.
    private static func tls(
        _ authorities: String?, _ certificate: String?, _ key: String?
    ) throws(CommandFailure) -> TLSContext {
        guard (certificate == nil) == (key == nil) else {
            throw CommandFailure("--cert and --key go together", .usage)
        }
        do throws(TLSError) {
            return try TLSContext(
                authorities: authorities, certificate: certificate.flatMap { file in key.map { (file, $0) } })
        } catch {
            throw CommandFailure("\(error)", .usage)
        }
    }
}

/// Looks settings up and keeps where each was found.
private struct SettingPlaces {
    let console: Console
    let profile: Profile?
    private(set) var found: [(name: String, value: String, origin: String)] = []

    init(console: Console, profile: Profile?) {
        self.console = console
        self.profile = profile
        found.append(("profile", profile?.name ?? "none", profile?.origin ?? "default"))
    }

    mutating func find<Value>(
        _ name: String, _ option: Value?, _ parse: (String) throws -> Value, _ text: (Value) -> String
    ) throws -> Value? {
        let variable = "CLINIC_" + name.uppercased()
        var value = option
        var origin = "--" + name
        if value == nil, let given = console.variable(variable) {
            (value, origin) = (try Self.parsed(given, variable, parse), variable)
        }
        if value == nil, let profile, let given = profile.settings[name] {
            value = try Self.parsed(given, "\(name) of the profile \(profile.name)", parse)
            origin = "profile \(profile.name)"
        }
        if let value { found.append((name, text(value), origin)) }
        return value
    }

    mutating func standard<Value>(_ name: String, _ value: Value, _ text: (Value) -> String) -> Value {
        found.append((name, text(value), "default"))
        return value
    }

    private static func parsed<Value>(
        _ text: String, _ place: String, _ parse: (String) throws -> Value
    ) throws -> Value {
        do {
            return try parse(text)
        } catch {
            throw CommandFailure("\(place)=\(text) is not allowed: \(error)", .usage)
        }
    }
}
