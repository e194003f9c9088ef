// The targets, lowest layer first: arrows point down and never back.

import Testing

/// A target of the package and the targets that it may depend on.
private struct Layer {
    let target: String
    let mayUse: Set<String>

    init(_ target: String, _ mayUse: String...) {
        self.target = target
        self.mayUse = Set(mayUse)
    }
}

/// What Sources/ and clients/ are made of. A target may use what stands above it here, as far as it is named.
private let layers: [Layer] = [
    // C libraries, and what is generated on them.
    Layer("CProtobufC"), Layer("CPostgreSQL"), Layer("COpenSSL"), Layer("CCrypt"), Layer("CZlib"),
    Layer("CRPCMessages", "CProtobufC"), Layer("CTTRPCMessages", "CProtobufC", "CRPCMessages"),
    Layer("CReflectionMessages", "CProtobufC"), Layer("CClinicMessages", "CProtobufC"),
    // What the programs are given as bytes.
    Layer("ProgramInput"),
    // Messages.
    Layer("ProtobufC", "CProtobufC"),
    Layer("RPCMessages", "ProtobufC", "CRPCMessages"),
    Layer("TTRPCMessages", "ProtobufC", "RPCMessages", "CTTRPCMessages"),
    Layer("ReflectionMessages", "ProtobufC", "CReflectionMessages"),
    Layer("ClinicMessages", "ProtobufC", "CClinicMessages"),
    // Calls, without a wire and without a clinic, and the wire on them.
    Layer("RPC", "ProtobufC", "RPCMessages"),
    Layer("TTRPC", "ProtobufC", "RPCMessages", "TTRPCMessages", "RPC"),
    Layer("HTTP"), Layer("HTTP1", "HTTP"), Layer("HTTP2", "HTTP"),
    Layer("GRPC", "CZlib", "HTTP", "HTTP1", "HTTP2", "ProtobufC", "ReflectionMessages", "RPC", "RPCMessages"),
    // The database, the rules, the identity.
    Layer("PostgreSQL", "CPostgreSQL"), Layer("Scheduling"), Layer("OpenSSL", "COpenSSL"),
    Layer("Bcrypt", "CCrypt"),
    Layer("ClinicStore", "PostgreSQL", "Scheduling"),
    Layer("TimeZones", "Scheduling"),
    Layer("Monitoring"),
    // The service, how it is put together, and the daemon.
    Layer(
        "ClinicService", "Bcrypt", "ClinicMessages", "ClinicStore", "OpenSSL", "ProtobufC", "RPC",
        "RPCMessages", "Scheduling", "TimeZones"),
    Layer(
        "ClinicServer", "Bcrypt", "ClinicMessages", "ClinicService", "ClinicStore", "GRPC", "Monitoring",
        "OpenSSL",
        "PostgreSQL", "ProtobufC", "ReflectionMessages", "RPC", "RPCMessages", "Scheduling", "TTRPC"),
    Layer("LegacyImport", "Bcrypt", "ClinicService", "ClinicStore", "PostgreSQL", "Scheduling"),
    Layer("ClinicDemo", "ClinicService", "ClinicStore", "PostgreSQL", "Scheduling"),
    Layer(
        "clinicd", "Bcrypt", "ClinicDemo", "ClinicServer", "ClinicService", "ClinicStore", "LegacyImport",
        "Monitoring",
        "OpenSSL",
        "PostgreSQL", "ProgramInput", "RPC", "RPCMessages", "Scheduling", "TTRPC", "TimeZones"),
    // Clients.
    Layer("ClinicClient", "ClinicMessages", "OpenSSL", "ProtobufC", "RPC", "RPCMessages", "TTRPC"),
    Layer("Terminal"),
    Layer(
        "clinic", "ClinicClient", "ClinicMessages", "OpenSSL", "ProtobufC", "RPC", "RPCMessages", "TTRPC",
        "ProgramInput", "Scheduling", "Terminal", "TimeZones"),
    Layer(
        "clinic-load", "ClinicClient", "ClinicMessages", "OpenSSL", "ProtobufC", "RPC", "RPCMessages",
        "TTRPC",
        "TTRPCMessages",
        "ProgramInput", "Terminal"),
]

/// Who imports a C library or generated C, and nobody else does.
private let importersOfC = [
    "CProtobufC": "ProtobufC", "CPostgreSQL": "PostgreSQL", "COpenSSL": "OpenSSL", "CCrypt": "Bcrypt",
    "CZlib": "GRPC",
    "CRPCMessages": "RPCMessages", "CTTRPCMessages": "TTRPCMessages",
    "CReflectionMessages": "ReflectionMessages", "CClinicMessages": "ClinicMessages",
    "CTestMessages": "TestMessages",
]

/// A test of ProtobufC makes descriptors that no generator would.
private func makesWrongDescriptors(_ item: Import) -> Bool {
    item.target.name == "ProtobufCTests" && item.module == "CProtobufC"
}

/// How a C library may be imported: what comes of it does not leave the target, but for the generated values of the
/// package, which are made of what libprotobuf-c needs.
private let inside: Set = ["internal", "private", "fileprivate", "package"]

private let allowed = Dictionary(
    uniqueKeysWithValues: layers.map { ($0.target, $0.mayUse) })

/// A target as Package.swift declares it.
private struct DeclaredTarget {
    let name: String
    let kind: String
    let folder: String
    /// What stands in its list between quotes: targets of the package.
    let dependencies: Set<String>
}

private let targets: [DeclaredTarget] = {
    var targets: [DeclaredTarget] = []
    let pattern = /\.(target|executableTarget|testTarget|systemLibrary)\(\s*name: "([^"]+)"/
    let text = SourceTree.package.text
    let matches = text.matches(of: pattern)
    for (index, match) in matches.enumerated() {
        let end = index + 1 < matches.count ? matches[index + 1].range.lowerBound : text.endIndex
        let body = text[match.range.upperBound..<end]
        var dependencies: Set<String> = []
        if let list = body.firstMatch(of: /dependencies: \[([^\]]*)\]/) {
            dependencies = Set(list.1.matches(of: /"([^"]+)"/).map { String($0.1) })
        }
        let (kind, name) = (String(match.1), String(match.2))
        let folder = body.firstMatch(of: /path: "([^"]+)"/).map { String($0.1) }
        targets.append(
            DeclaredTarget(
                name: name, kind: kind,
                folder: folder ?? (kind == "testTarget" ? "Tests/" : "Sources/") + name,
                dependencies: dependencies))
    }
    return targets
}()

/// An import of a file.
private struct Import {
    let file: SourceFile
    let target: DeclaredTarget
    let module: String
    let access: String
}

private let imports: [Import] = {
    let byFolder = targets.map { ($0.folder + "/", $0) }
    let generated = SourceTree.files(in: ["Sources", "Tests"], endingIn: [".generated.swift"])
    return (SourceTree.swift + generated).flatMap { file -> [Import] in
        guard let target = byFolder.first(where: { file.path.hasPrefix($0.0) })?.1 else { return [] }
        return file.lines.compactMap { line in
            let words = line.split(separator: " ")
            guard let place = words.firstIndex(of: "import"), place < 3, place + 1 < words.count,
                words[..<place].allSatisfy({
                    $0.hasPrefix("@") || $0.last == "l" || $0.last == "c" || $0.last == "e"
                })
            else { return nil }
            return Import(
                file: file, target: target, module: String(words[place + 1]),
                access: place == 0 ? "" : String(words[place - 1]))
        }
    }
}()

/// The names of the targets as modules, which have no hyphen.
private let modules = Dictionary(
    uniqueKeysWithValues: targets.map { ($0.name.replacing("-", with: "_"), $0.name) })

@Test func `the table of layers names every target of Sources and clients, and points down only`() {
    #expect(targets.count > 30)
    let known = Set(layers.map(\.target))
    let unknown = targets.filter { !$0.folder.hasPrefix("Tests/") && !known.contains($0.name) }
    #expect(unknown.isEmpty, "\(unknown.map(\.name))")
    var above: Set<String> = []
    for layer in layers {
        #expect(layer.mayUse.isSubset(of: above), "\(layer.target): \(layer.mayUse.subtracting(above))")
        above.insert(layer.target)
    }
}

@Test func `a target depends only on what the table of layers allows it`() {
    for target in targets {
        guard let allowed = allowed[target.name] else { continue }
        let more = target.dependencies.subtracting(allowed)
        #expect(more.isEmpty, "\(target.name) depends on \(more.sorted())")
    }
}

@Test func `a file imports only what its target depends on`() {
    #expect(imports.count > 1_000)
    expectNone(
        imports.compactMap { item in
            guard let module = modules[item.module], module != item.target.name,
                !item.target.dependencies.contains(module)
            else { return nil }
            return "\(item.file.path) imports \(module), which \(item.target.name) does not depend on"
        })
}

@Test func `the rules of the clinic need nothing but the standard library`() {
    #expect(SourceTree.swift.contains { $0.path.hasPrefix("Sources/Scheduling/") })
    #expect(imports.filter { $0.target.name == "Scheduling" }.map(\.module) == [])
}

@Test func `a C library is imported by one target, and only inside it`() {
    let modulesInC = Set(
        targets.map(\.name).filter { $0.hasPrefix("C") && $0.dropFirst().first?.isUppercase == true })
    #expect(modulesInC.subtracting(["CThreadSanitizer"]) == Set(importersOfC.keys))
    expectNone(
        imports.compactMap { item in
            guard let importer = importersOfC[item.module], !makesWrongDescriptors(item),
                item.target.name != importer || !inside.contains(item.access)
            else { return nil }
            return "\(item.file.path): \(item.access) import \(item.module)"
        })
    #expect(Set(imports.map(\.module)).isSuperset(of: importersOfC.keys))
}
