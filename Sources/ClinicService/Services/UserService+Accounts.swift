// The methods of clinic.v1.UserService that read, change, export and erase accounts.

internal import ClinicMessages
internal import ClinicStore
internal import RPC
internal import Scheduling

extension ExportUserDataRequest: TokenBearing {}

extension UserService {
    func getUser(_ request: GetUserRequest, _ call: AuthorizedCall) throws -> Query<User> {
        guard let callerID = call.caller.userID else { throw Status(.notSignedIn) }
        return users.get(
            request.userID == 0 ? callerID : request.userID, ownerID: call.caller.isStaff ? nil : callerID
        ).map { User($0) }
    }

    func updateUser(_ request: UpdateUserRequest, _ call: AuthorizedCall) async throws -> User {
        let (userID, ownerID) = try subject(request.userID, call)
        let wanted = request.user ?? User()
        let expected = try version(ofEtag: request.etag, or: wanted.etag, field: "user.etag")
        let mask = try UpdateMask(
            request.updateMask, fields: ["first_name", "last_name", "phone", "email"])
        var fields = FieldReader(of: "user")
        var changes = UserStore.Changes()
        if mask.changes("first_name", whenSet: !wanted.firstName.isEmpty) {
            changes.firstName = fields.text(wanted.firstName, .firstName)
        }
        if mask.changes("last_name", whenSet: !wanted.lastName.isEmpty) {
            changes.lastName = fields.text(wanted.lastName, .lastName)
        }
        if mask.changes("phone", whenSet: !wanted.phone.isEmpty) {
            changes.phone = fields.phone(wanted.phone, "phone")
        }
        if mask.changes("email", whenSet: !wanted.email.isEmpty) {
            changes.email = fields.email(wanted.email, "email")
        }
        try fields.finish()
        let update = { (context: RequestContext) async throws -> UserRecord in
            try await self.update(
                userID, ownerID: ownerID, version: expected, changes, request.currentPassword, call, context)
        }
        return User(
            request.currentPassword.isEmpty
                ? try await update(call.context) : try await signingKeys.hidingRequest(of: call, update))
    }

    private func update(
        _ userID: Int64, ownerID: Int64?, version: Int64?, _ changes: UserStore.Changes,
        _ currentPassword: String, _ call: AuthorizedCall, _ context: RequestContext
    ) async throws -> UserRecord {
        try await withOptimisticRetry(
            call, earlier: { _ in try await users.earlierAnswer(to: context) }
        ) {
            var changes = changes
            var checkedPassword: UserStore.CheckedPassword?
            if let email = changes.email {
                // Whoever sends back what is stored changes nothing, and needs no password.
                let isStored =
                    try await users.get(userID, ownerID: ownerID).answer(
                        for: call.context
                    ).email == email
                if isStored {
                    changes.email = nil
                } else {
                    checkedPassword = try await checkPassword(currentPassword, call)
                }
            }
            return (changes, checkedPassword)
        } write: { changes, checkedPassword in
            try await users.update(
                userID, ownerID: ownerID, version: version, changes, checkedPassword: checkedPassword,
                context: context)
        }
    }

    /// The caller's own password, which a new e-mail needs: who has only stolen a token must not move the account.
    private func checkPassword(
        _ password: String, _ call: AuthorizedCall
    ) async throws -> UserStore.CheckedPassword {
        guard let callerID = call.caller.userID else { throw Status(.notSignedIn) }
        guard !password.isEmpty else { throw Status(field: "current_password", "is required") }
        let verified = try await verifier.verify(password, userID: callerID, call)
        return UserStore.CheckedPassword(hash: verified.credentials.passwordHash, key: verified.key)
    }

    func setUserRole(_ request: SetUserRoleRequest, _ call: AuthorizedCall) async throws -> User {
        let role = try ClinicStore.Role(required: request.role, "role", by: ClinicMessages.Role.init)
        let user = try await users.setRole(
            of: request.userID, version: try version(ofEtag: request.etag), to: role, context: call.context)
        revocations.invalidate(user.id)
        return User(user)
    }

    /// How many bookings, or changes, a page of an export has.
    private static let exportPage: Int64 = 200

    func exportUserData(
        _ request: ExportUserDataRequest, _ call: AuthorizedCall, _ reauthorizer: StreamReauthorizer,
        _ responses: ResponseWriter<ExportUserDataResponse>
    ) async throws {
        let (userID, ownerID) = try subject(request.userID, call)
        var reauthorizer = reauthorizer
        let account = try await personalData.account(of: userID, ownerID: ownerID, for: call.context)
        let sessions = try await personalData.sessions(of: userID, for: call.context)
        try await responses.send(
            ExportUserDataResponse(
                account, sessions, archive: try await events.archiveMark(for: call.context)))
        var visit: PersonalData.Visit?
        repeat {
            try await reauthorizer.check()
            let page = try await personalData.visits(
                of: userID, after: visit, limit: Self.exportPage, for: call.context)
            visit = page.last
            guard !page.isEmpty else { break }
            let payments = try await personalData.payments(for: page, call.context)
            try await responses.send(ExportUserDataResponse(page, payments, of: account, clinic))
        } while visit != nil
        var event: PersonalData.Event?
        repeat {
            try await reauthorizer.check()
            let page = try await personalData.events(
                of: userID, after: event, limit: Self.exportPage, for: call.context)
            event = page.last
            guard !page.isEmpty else { break }
            try await responses.send(ExportUserDataResponse(page))
        } while event != nil
    }

    func eraseUser(_ request: EraseUserRequest, _ call: AuthorizedCall) async throws -> EraseUserResponse {
        // Erasing cannot be undone, so a missing id does not mean the caller.
        guard request.userID != 0 else { throw Status(field: "user_id", "is required") }
        let (userID, ownerID) = try subject(request.userID, call)
        let cancelled = try await users.erase(
            userID, ownerID: ownerID, now: call.now, refundSeconds: clinic.fullRefundBefore,
            isPreview: request.validateOnly, context: call.context)
        if !request.validateOnly { revocations.invalidate(userID) }
        return EraseUserResponse(
            cancelledBookings: cancelled.bookings, refundedAmount: clinic.refunded(cancelled))
    }

    /// The user that a request is about, and the user to whom the account must belong; nil for administrators.
    func subject(_ userID: Int64, _ call: AuthorizedCall) throws(Status) -> (userID: Int64, ownerID: Int64?) {
        guard let callerID = call.caller.userID else { throw Status(.notSignedIn) }
        let userID = userID == 0 ? callerID : userID
        if call.caller.isAdministrator { return (userID, nil) }
        // To a patient other accounts do not exist; the staff, who can list accounts, get PERMISSION_DENIED.
        if call.caller.isStaff, userID != callerID {
            throw Status(.roleRequired, "only administrators may do this for another user")
        }
        guard userID == callerID else {
            throw Status(.userNotFound, nil, [("user_id", String(userID))])
        }
        return (userID, callerID)
    }
}
