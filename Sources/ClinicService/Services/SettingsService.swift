// clinic.v1.SettingsService.

internal import ClinicMessages
internal import RPC
internal import Scheduling

struct SettingsService: Sendable {
    let clinic: ClinicSettings

    func getSettings(_ request: GetSettingsRequest, _ call: AuthorizedCall) -> Reply<GetSettingsResponse> {
        .ready(GetSettingsResponse(timeZone: clinic.zone.identifier, currencyCode: clinic.currency))
    }
}
