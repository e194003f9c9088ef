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
    if configuration.protocols.contains(.grpc) { reflection.register(in: &router) }
    var transport = configuration.transport
    transport.errorDomain = clinicErrorDomain
    transport.metricsPrefix = "clinic"
    return Server(
        router: router, protocols: configuration.protocols.map(\.wire), configuration: transport,
        group: MultiThreadedEventLoopGroup.singleton, logger: logger, metrics: metrics)
}

/// Describes everything that is served.
private let reflection = ReflectionService(
    services: (ClinicMessages.allServices + RPCMessages.allServices + ReflectionMessages.allServices).map(
        \.name),
    files: ClinicMessages.allFiles + RPCMessages.allFiles + ReflectionMessages.allFiles)

extension ServedProtocol {
    fileprivate var wire: WireProtocol {
        switch self {
        case .ttrpc: .ttrpc
        case .grpc: .grpc
        }
    }
}
