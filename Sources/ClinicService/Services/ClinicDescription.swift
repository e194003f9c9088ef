// clinic.v1.ClinicService. Its name is that of this module, so the type has another one.

internal import ClinicMessages
internal import RPC
internal import Scheduling

struct ClinicDescription: Sendable {
    let clinic: ClinicSettings

    func getClinic(_ request: GetClinicRequest, _ call: AuthorizedCall) -> Reply<Clinic> {
        .ready(Clinic(timeZone: clinic.zone.identifier, currencyCode: clinic.currency))
    }
}
