// Everything held about a user, whose pages a program that wants them one by one reads with `stream`.

public import ClinicMessages
public import RPC
internal import TTRPC

extension ClinicClient {
    /// Returns everything held about a user, or with 0 about the caller, as one message of all pages. Throws the status that
    /// ends the stream.
    public func exportUserData(of userID: Int64 = 0) async throws(Status) -> ExportUserDataResponse {
        var data = ExportUserDataResponse()
        var pages = try await stream(
            UserServiceMethods.exportUserData, ExportUserDataRequest(userID: userID)
        ).makeAsyncIterator()
        while let page = try await pages.next() {
            data.user = data.user ?? page.user
            data.createTime = data.createTime ?? page.createTime
            data.bookings += page.bookings
            data.transactions += page.transactions
            data.sessions += page.sessions
            data.events += page.events
        }
        return data
    }
}
