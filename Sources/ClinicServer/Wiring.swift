// Where the layers meet: the stores over the pool, the service over the stores, the server over the service.

internal import ClinicService
internal import ClinicStore
internal import CoreMetrics
internal import Logging
internal import NIOPosix
internal import PostgreSQL
internal import RPC
internal import TTRPC

/// The server of all methods, not listening yet.
func makeServer(
    _ configuration: ClinicServer.Configuration, _ database: Database, _ health: HealthService,
    _ logger: Logger, _ metrics: any MetricsFactory
) throws -> Server {
    var dependencies = ClinicDependencies(
        clinic: configuration.clinic, stores: Stores(database: database),
        passwords: configuration.passwords, signingKeys: configuration.signingKeys, health: health,
        logger: logger, userAccessAge: configuration.userAccessAge)
    dependencies.anonymousMethods = configuration.anonymousMethods
    dependencies.sessionDays = configuration.sessionDays
    dependencies.rateLimits = configuration.rateLimits
    let router = try clinicMethods(dependencies)
    var transport = configuration.transport
    transport.errorDomain = clinicErrorDomain
    transport.metricsPrefix = "clinic"
    return Server(
        router: router, wire: .ttrpc, configuration: transport,
        group: MultiThreadedEventLoopGroup.singleton, logger: logger, metrics: metrics)
}
