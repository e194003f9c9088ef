// swift-tools-version: 6.2
// The targets, lowest layer first. Arrows point down and never back; each C library is imported by one target.

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let histogram: Target.Dependency = .product(name: "Histogram", package: "hdrhistogram-swift")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioHPACK: Target.Dependency = .product(name: "NIOHPACK", package: "swift-nio-http2")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let serviceLifecycle: Target.Dependency = .product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")

let package = Package(
    name: "clinic",
    products: [
        .library(name: "ClinicClient", targets: ["ClinicClient"]),
        .executable(name: "clinicd", targets: ["clinicd"]),
        .executable(name: "clinic", targets: ["clinic"]),
        .executable(name: "clinic-load", targets: ["clinic-load"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
    ],
    targets: [
        // C libraries and what protoc-c generates.
        .systemLibrary(
            name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
        .systemLibrary(name: "CPostgreSQL", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CCrypt", pkgConfig: "libxcrypt", providers: [.apt(["libcrypt-dev"])]),
        .target(name: "CRPCMessages", dependencies: ["CProtobufC"]),
        .target(name: "CTTRPCMessages", dependencies: ["CProtobufC", "CRPCMessages"]),
        .target(name: "CReflectionMessages", dependencies: ["CProtobufC"]),
        .target(name: "CClinicMessages", dependencies: ["CProtobufC"]),

        // What the programs are given as bytes.
        .target(name: "ProgramInput", swiftSettings: settings),

        // Messages.
        .target(name: "ProtobufC", dependencies: ["CProtobufC"], swiftSettings: settings),
        .target(
            name: "RPCMessages", dependencies: ["ProtobufC", "CRPCMessages"], swiftSettings: settings),
        .target(
            name: "TTRPCMessages", dependencies: ["ProtobufC", "RPCMessages", "CTTRPCMessages"],
            swiftSettings: settings),
        .target(
            name: "ReflectionMessages", dependencies: ["ProtobufC", "CReflectionMessages"],
            swiftSettings: settings),
        .target(
            name: "ClinicMessages", dependencies: ["ProtobufC", "CClinicMessages"], swiftSettings: settings),

        // Calls, and the wire they come over.
        .target(
            name: "RPC", dependencies: ["ProtobufC", "RPCMessages", logging, metrics, nioCore, nioPosix],
            swiftSettings: settings),
        .target(
            name: "TTRPC",
            dependencies: ["ProtobufC", "RPC", "RPCMessages", "TTRPCMessages", nioCore, nioPosix],
            swiftSettings: settings),

        .target(name: "HTTP", swiftSettings: settings),
        .target(name: "HTTP1", dependencies: ["HTTP", nioCore], swiftSettings: settings),
        .target(name: "HTTP2", dependencies: ["HTTP", nioCore, nioHPACK], swiftSettings: settings),
        .target(
            name: "GRPC",
            dependencies: [
                "CZlib", "HTTP", "HTTP1", "HTTP2", "ProtobufC", "ReflectionMessages", "RPC", "RPCMessages",
                logging, nioCore,
            ],
            swiftSettings: settings),

        // The database, the rules, the identity.
        .target(name: "PostgreSQL", dependencies: ["CPostgreSQL", logging], swiftSettings: settings),
        .target(name: "Scheduling", swiftSettings: settings),
        .target(name: "OpenSSL", dependencies: ["COpenSSL", nioCore], swiftSettings: settings),
        .target(name: "Bcrypt", dependencies: ["CCrypt"], swiftSettings: settings),
        .target(
            name: "ClinicStore", dependencies: ["PostgreSQL", "Scheduling", logging],
            exclude: ["README.md", "list-schema"], resources: [.embedInCode("Schema")],
            swiftSettings: settings),

        // What is seen from outside.
        .target(
            name: "Monitoring", dependencies: [logging, metrics, nioCore, nioHTTP1, nioPosix],
            swiftSettings: settings),

        // The system's time zones, for the service and for the clients.
        .target(name: "TimeZones", dependencies: ["Scheduling"], swiftSettings: settings),

        // The service and its daemon.
        .target(
            name: "ClinicService",
            dependencies: [
                "Bcrypt", "ClinicMessages", "ClinicStore", "OpenSSL", "ProtobufC", "Scheduling",
                "RPC", "RPCMessages", "TimeZones", logging,
            ], swiftSettings: settings),
        .target(
            name: "ClinicServer",
            dependencies: [
                "Bcrypt", "ClinicMessages", "ClinicService", "ClinicStore", "GRPC", "Monitoring", "ProtobufC",
                "ReflectionMessages", "PostgreSQL", "RPC", "TTRPC",
                "RPCMessages",
                logging, metrics, nioPosix,
            ], swiftSettings: settings),
        .target(
            name: "LegacyImport", dependencies: ["Bcrypt", "ClinicService", "ClinicStore", "Scheduling"],
            swiftSettings: settings),
        .target(
            name: "ClinicDemo", dependencies: ["ClinicService", "ClinicStore", "Scheduling"],
            swiftSettings: settings),
        .executableTarget(
            name: "clinicd",
            dependencies: [
                "Bcrypt", "ClinicDemo", "ClinicServer", "ClinicService", "ClinicStore", "LegacyImport",
                "Monitoring", "OpenSSL",
                "PostgreSQL", "ProgramInput",
                "Scheduling", "RPC", "TTRPC", "RPCMessages", "TimeZones", argumentParser, logging, nioCore,
                serviceLifecycle,
                unixSignals,
            ], exclude: ["Packaging", "README.md"], swiftSettings: settings),

        // Clients.
        .target(
            name: "ClinicClient",
            dependencies: [
                "ProtobufC", "ClinicMessages", "OpenSSL", "RPC", "TTRPC", "RPCMessages", nioCore,
            ],
            swiftSettings: settings),
        .target(name: "Terminal", path: "clients/terminal", swiftSettings: settings),
        .executableTarget(
            name: "clinic",
            dependencies: [
                "ProtobufC", "ClinicMessages", "OpenSSL", "RPCMessages", "RPC", "TTRPC", "ClinicClient",
                "ProgramInput", "Scheduling", "Terminal", "TimeZones",
                argumentParser,
            ], path: "clients/cli", swiftSettings: settings),
        .executableTarget(
            name: "clinic-load",
            dependencies: [
                "ClinicClient", "ClinicMessages", "OpenSSL", "ProtobufC", "RPC", "TTRPC", "RPCMessages",
                "TTRPCMessages", "ProgramInput", "Terminal",
                argumentParser,
                histogram, nioCore, nioHTTP1, nioPosix, subprocess,
            ], path: "clients/load", swiftSettings: settings),

        // Tests.
        .target(name: "CTestMessages", dependencies: ["CProtobufC"], path: "Tests/CTestMessages"),
        .target(
            name: "TestMessages", dependencies: ["ProtobufC", "CTestMessages"], path: "Tests/TestMessages",
            swiftSettings: settings),
        .target(
            name: "TestCluster", dependencies: ["PostgreSQL", "TestCleanup", logging],
            path: "Tests/TestCluster",
            swiftSettings: settings),
        .target(name: "TestCleanup", path: "Tests/TestCleanup", swiftSettings: settings),
        .target(name: "TestRandom", path: "Tests/TestRandom", swiftSettings: settings),
        .target(
            name: "TestRPC",
            dependencies: [
                "RPC", "TTRPC", "ProtobufC", "RPCMessages", "TTRPCMessages", "TestMessages", logging, metrics,
                nioCore, nioEmbedded, nioPosix,
            ], path: "Tests/TestRPC", swiftSettings: settings),
        .target(name: "TestWaiting", path: "Tests/TestWaiting", swiftSettings: settings),
        .testTarget(
            name: "ProtobufCTests",
            dependencies: [
                "CProtobufC", "ProtobufC", "RPCMessages", "TTRPCMessages", "ClinicMessages", "TestMessages",
                "TestRandom",
            ],
            swiftSettings: settings),
        .testTarget(
            name: "RPCTests",
            dependencies: [
                "RPC", "TTRPC", "ProtobufC", "RPCMessages", "TTRPCMessages", "TestMessages", "TestRPC",
                "TestRandom",
                "TestWaiting",
                "Monitoring", logging, nioCore, nioEmbedded, nioPosix,
            ], swiftSettings: settings),
        .testTarget(
            name: "TTRPCTests",
            dependencies: [
                "RPC", "TTRPC", "ProtobufC", "RPCMessages", "TTRPCMessages", "TestMessages", "TestRPC",
                "TestWaiting",
                nioCore, nioEmbedded,
            ], swiftSettings: settings),
        .testTarget(
            name: "GRPCTests",
            dependencies: [
                "GRPC", "HTTP", "HTTP1", "HTTP2", "Monitoring", "RPC", "TTRPC", "ProtobufC", "RPCMessages",
                "TestMessages",
                "TestRPC",
                logging, metrics,
                nioCore, nioEmbedded, nioHPACK,
            ], swiftSettings: settings),
        .testTarget(
            name: "HTTP1Tests", dependencies: ["HTTP", "HTTP1", nioCore], swiftSettings: settings),
        .testTarget(
            name: "HTTP2Tests", dependencies: ["HTTP", "HTTP2", nioCore, nioHPACK], swiftSettings: settings),
        .testTarget(
            name: "ClinicClientTests",
            dependencies: [
                "ClinicClient", "ClinicMessages", "RPC", "TTRPC", "RPCMessages", "ProtobufC", "TestCleanup",
                logging, nioCore, nioPosix,
            ], swiftSettings: settings),
        .testTarget(
            name: "ClinicCLITests",
            dependencies: [
                "clinic", "ClinicClient", "ClinicMessages", "RPC", "TTRPC", "RPCMessages", "ProtobufC",
                "ProgramInput", "Scheduling", "Terminal", "TestCleanup", "TimeZones", argumentParser,
                logging, nioCore, nioPosix,
            ], swiftSettings: settings),
        .testTarget(
            name: "ClinicLoadTests",
            dependencies: [
                "clinic-load", "ClinicClient", "ClinicMessages", "Monitoring", "ProtobufC", "RPC", "TTRPC",
                "RPCMessages", "TTRPCMessages", "TestWaiting",
                argumentParser,
                histogram,
                logging, nioCore, nioPosix, subprocess,
            ], swiftSettings: settings),
        .testTarget(name: "TidyTests", swiftSettings: settings),
        .testTarget(
            name: "PostgreSQLTests",
            dependencies: ["PostgreSQL", "TestCleanup", "TestCluster", "TestWaiting", logging],
            swiftSettings: settings),
        .testTarget(
            name: "MonitoringTests", dependencies: ["Monitoring", "TestWaiting", logging, metrics],
            swiftSettings: settings),
        .testTarget(
            name: "SchedulingTests", dependencies: ["Scheduling", "TestRandom"], swiftSettings: settings),
        .testTarget(
            name: "OpenSSLTests",
            dependencies: [
                "OpenSSL", "ProtobufC", "RPC", "TTRPC", "RPCMessages", "TTRPCMessages", "TestRandom",
                "TestWaiting", logging,
                nioCore,
                nioEmbedded,
                nioPosix, subprocess,
            ], swiftSettings: settings),
        .testTarget(
            name: "BcryptTests", dependencies: ["Bcrypt", "TestWaiting"], swiftSettings: settings),
        .testTarget(
            name: "ClinicStoreTests",
            dependencies: ["ClinicStore", "PostgreSQL", "Scheduling", "TestCluster", "TestWaiting"],
            exclude: ["Fixtures"], swiftSettings: settings),
        .testTarget(
            name: "ClinicServiceTests",
            dependencies: [
                "Bcrypt", "ClinicMessages", "ClinicServer", "ClinicService", "ClinicStore", "OpenSSL",
                "PostgreSQL",
                "ProtobufC", "Scheduling", "RPC", "TTRPC", "RPCMessages", "TTRPCMessages", "TestCleanup",
                "TestCluster",
                "TestRandom",
                "TestWaiting", "TimeZones", logging,
                nioPosix,
            ], swiftSettings: settings),
        .testTarget(
            name: "ClinicServerTests",
            dependencies: [
                "Bcrypt", "ClinicMessages", "ClinicServer", "ClinicService", "ClinicStore", "Monitoring",
                "PostgreSQL", "Scheduling", "RPC",
                "TTRPC",
                "RPCMessages", "TestCleanup", "TestCluster", "TestWaiting",
            ], swiftSettings: settings),
        .testTarget(
            name: "LegacyImportTests",
            dependencies: ["ClinicService", "ClinicStore", "LegacyImport", "Scheduling"],
            swiftSettings: settings),
        .testTarget(
            name: "ClinicDemoTests",
            dependencies: ["ClinicDemo", "ClinicService", "ClinicStore", "Scheduling"],
            swiftSettings: settings),
        .executableTarget(
            name: "clinic-bench",
            dependencies: [
                "ClinicMessages", "OpenSSL", "ProtobufC", "RPC", "TTRPC", "RPCMessages", "TTRPCMessages",
                argumentParser,
                histogram,
                nioCore, nioPosix,
            ], path: "Tests/Benchmarks/clinic-bench", swiftSettings: settings),
        .executableTarget(
            name: "clinic-instructions",
            dependencies: [
                "ClinicService", "ClinicStore", "Monitoring", "ProtobufC", "Scheduling", "RPC", "TTRPC",
                "RPCMessages", "TTRPCMessages",
                logging, nioCore, nioEmbedded,
            ], path: "Tests/Benchmarks/clinic-instructions", swiftSettings: settings),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "ClinicClient", "ClinicMessages", "GRPC", "OpenSSL", "PostgreSQL", "ProtobufC", "RPC",
                "TTRPC",
                "RPCMessages", "TestCluster", "TestMessages", "TestRandom", "TestWaiting", subprocess,
                logging,
                nioPosix,
                // Not linked for their code: the tests run what is built.
                "clinic", "clinic-load", "clinicd",
            ], swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)

// libFuzzer brings the main function of the fuzzer, so it can be linked only where that is asked for (Tests/Fuzz/run).
if Context.environment["CLINIC_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "clinic-fuzz",
            dependencies: [
                "ClinicMessages", "ClinicService", "GRPC", "HTTP", "HTTP1", "HTTP2", "ProtobufC",
                "Scheduling", "RPC",
                "TTRPC",
                "RPCMessages",
                "TTRPCMessages",
                logging, nioCore, nioEmbedded,
            ], path: "Tests/Fuzz/clinic-fuzz",
            swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])]))
}

// What ThreadSanitizer has to be told, linked into the tests only when they run under it (Tests/sanitize).
if Context.environment["CLINIC_THREAD_SANITIZER"] != nil {
    package.targets.append(.target(name: "CThreadSanitizer", path: "Tests/CThreadSanitizer"))
    for target in package.targets where target.type == .test {
        target.dependencies.append("CThreadSanitizer")
    }
}

// Under a sanitizer only some tests are run, and only the programs ship; without the targets that these do not need, a build
// takes half as long.
if let names = Context.environment["CLINIC_ONLY_TARGETS"] {
    var needed = Set(names.split(separator: " ").map(String.init))
    var count = 0
    while count < needed.count {
        count = needed.count
        for target in package.targets where needed.contains(target.name) {
            for case .byNameItem(let name, _) in target.dependencies { needed.insert(name) }
        }
    }
    package.targets.removeAll { !needed.contains($0.name) }
    package.products = []
}
