// Where the layers meet: the stores over the pool, the service over the stores, the server over the service.

internal import ClinicMessages
internal import ClinicService
internal import ClinicStore
internal import CoreMetrics
internal import GRPC
internal import Logging
internal import NIOPosix
internal import PostgreSQL
internal import ProtobufC
internal import RPC
internal import RPCMessages
internal import ReflectionMessages
internal import TTRPC

/// The server of all methods, not listening yet.
func makeServer(
    _ configuration: ClinicServer.Configuration, _ database: Database, _ health: HealthService,
    _ accessLog: AccessLog, _ logger: Logger, _ metrics: any MetricsFactory
) throws -> Server {
    var dependencies = ClinicDependencies(
        clinic: configuration.clinic, stores: Stores(database: database),
        passwords: configuration.passwords, signingKeys: configuration.signingKeys, health: health,
        accessLog: accessLog, logger: logger, userAccessAge: configuration.userAccessAge)
    dependencies.anonymousMethods = configuration.anonymousMethods
    dependencies.sessionDays = configuration.sessionDays
    dependencies.rateLimits = configuration.rateLimits
    var router = try clinicMethods(dependencies)
    if configuration.protocols.contains(where: { $0.call != nil }) { reflection.register(in: &router) }
    var transport = configuration.transport
    transport.errorDomain = clinicErrorDomain
    transport.metricsPrefix = "clinic"
    return Server(
        router: router, protocols: wires(configuration), configuration: transport,
        group: MultiThreadedEventLoopGroup.singleton, logger: logger, metrics: metrics)
}

/// Describes everything that is served.
private let reflection = ReflectionService(
    services: (ClinicMessages.allServices + RPCMessages.allServices + ReflectionMessages.allServices).map(
        \.name),
    files: ClinicMessages.allFiles + RPCMessages.allFiles + ReflectionMessages.allFiles)

/// The wires of the protocols that are served.
private func wires(_ configuration: ClinicServer.Configuration) -> [WireProtocol] {
    var wires: [WireProtocol] = []
    if configuration.protocols.contains(.ttrpc) { wires.append(.ttrpc) }
    var options = HTTPOptions()
    options.protocols = Set(configuration.protocols.compactMap(\.call))
    options.allowedOrigins = configuration.allowedOrigins
    options.hostNames = configuration.hostNames
    // With gRPC alone, clients of HTTP/1.1 are told what they need.
    if !options.protocols.isEmpty { wires += [.http2(options), .http1(options)] }
    return wires
}

extension ServedProtocol {
    /// The form of its calls over HTTP; nil for ttrpc.
    fileprivate var call: CallProtocol? {
        switch self {
        case .ttrpc: nil
        case .grpc: .grpc
        case .grpcWeb: .grpcWeb
        case .connect: .connect
        }
    }
}
