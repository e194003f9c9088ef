// The part of RefusalTests' table that is about people.

import ClinicMessages
import ClinicService
import ClinicStore
import Foundation
import ProtobufC
import RPC

private func staff(_ scene: RefusalScene) async throws -> Session {
    try await scene.clinic.staff(by: scene.administrator)
}

private func changePassword(_ session: Session, from current: String, to new: String) async throws {
    try await session.call(
        UserServiceMethods.changePassword, ChangePasswordRequest(currentPassword: current, newPassword: new))
}

private func refresh(_ scene: RefusalScene, _ token: String) async throws -> RefreshTokenResponse {
    try await scene.anonymous.call(
        UserServiceMethods.refreshToken, RefreshTokenRequest(refreshToken: token))
}

let peopleCases: [RefusalCase] =
    accountCases + sessionCases + administrationCases + [
        RefusalCase("a new password for an administrator", .failedPrecondition, "IS_ADMINISTRATOR") {
            try await $0.administrator.call(
                UserServiceMethods.createPasswordReset,
                CreatePasswordResetRequest(userID: $0.administrator.userID))
        }
    ]

private let accountCases: [RefusalCase] = [
    RefusalCase("another person's account, read by a patient", .notFound, "USER_NOT_FOUND") {
        try await $0.patient.call(
            UserServiceMethods.getUser, GetUserRequest(userID: $0.administrator.userID))
    },
    RefusalCase("an account that is not there, read by a patient", .notFound, "USER_NOT_FOUND") {
        try await $0.patient.call(UserServiceMethods.getUser, GetUserRequest(userID: 999_999))
    },
    RefusalCase("an account that is not there, read by the staff", .notFound, "USER_NOT_FOUND") {
        try await $0.administrator.call(UserServiceMethods.getUser, GetUserRequest(userID: -1))
    },
    RefusalCase("another person's account, changed by a patient", .notFound, "USER_NOT_FOUND") {
        try await $0.patient.call(
            UserServiceMethods.updateUser,
            UpdateUserRequest(userID: $0.administrator.userID, user: User(firstName: "Mine")))
    },
    RefusalCase("another person's account, changed by the staff", .permissionDenied, "ROLE_REQUIRED") {
        try await staff($0).call(
            UserServiceMethods.updateUser,
            UpdateUserRequest(userID: $0.patient.userID, user: User(firstName: "Mine")))
    },
    RefusalCase("a role that is changed as if it were a name", .invalidArgument, "INVALID_UPDATE_MASK") {
        try await $0.patient.call(
            UserServiceMethods.updateUser,
            UpdateUserRequest(user: User(role: .admin), updateMask: ProtobufFieldMask(paths: ["role"])))
    },
    RefusalCase("an e-mail that somebody else has", .alreadyExists, "EMAIL_TAKEN") {
        let other = try await $0.clinic.signUp()
        let taken = try await $0.patient.call(UserServiceMethods.getUser, GetUserRequest()).email
        try await other.call(
            UserServiceMethods.updateUser,
            UpdateUserRequest(user: User(email: taken), currentPassword: TestClinic.password))
    },
    RefusalCase("a new e-mail without a password", .invalidArgument, "INVALID_FIELD") {
        try await $0.clinic.signUp().call(
            UserServiceMethods.updateUser, UpdateUserRequest(user: User(email: "new@example.org")))
    },
    RefusalCase("a new e-mail with a wrong password", .unauthenticated, "WRONG_CREDENTIALS") {
        try await $0.clinic.signUp().call(
            UserServiceMethods.updateUser,
            UpdateUserRequest(user: User(email: "new@example.org"), currentPassword: "guess"))
    },
    RefusalCase("another person's e-mail, changed by a patient", .notFound, "USER_NOT_FOUND") {
        try await $0.clinic.signUp().call(
            UserServiceMethods.updateUser,
            UpdateUserRequest(
                userID: $0.administrator.userID, user: User(email: "new@example.org"),
                currentPassword: TestClinic.password))
    },
    RefusalCase("a name that is emptied", .invalidArgument, "INVALID_FIELD") {
        try await $0.patient.call(
            UserServiceMethods.updateUser,
            UpdateUserRequest(updateMask: ProtobufFieldMask(paths: ["last_name"])))
    },
    RefusalCase("a name that cannot be seen", .invalidArgument, "INVALID_FIELD") {
        try await $0.patient.call(
            UserServiceMethods.updateUser, UpdateUserRequest(user: User(lastName: "\u{200b}\u{3164}")))
    },
    RefusalCase("a stale etag of a user", .aborted, "STALE_ETAG") {
        try await $0.patient.call(
            UserServiceMethods.updateUser, UpdateUserRequest(user: User(phone: "123"), etag: otherEtag))
    },
    RefusalCase("an etag of a user that is none", .invalidArgument, "INVALID_ETAG") {
        try await $0.patient.call(
            UserServiceMethods.updateUser, UpdateUserRequest(user: User(phone: "123"), etag: "x"))
    },
    RefusalCase("another person's data, exported by a patient", .notFound, "USER_NOT_FOUND") {
        _ = try await $0.patient.export($0.administrator.userID)
    },
    RefusalCase("another person's data, exported by the staff", .permissionDenied, "ROLE_REQUIRED") {
        _ = try await staff($0).export($0.patient.userID)
    },
    RefusalCase("data of nobody", .notFound, "USER_NOT_FOUND") {
        _ = try await $0.administrator.export(999_999)
    },
]

private let sessionCases: [RefusalCase] = [
    RefusalCase("a wrong current password", .unauthenticated, "WRONG_CREDENTIALS") {
        try await changePassword($0.clinic.signUp(), from: "guess", to: "battery staple")
    },
    RefusalCase("a current password of 73 bytes", .unauthenticated, "WRONG_CREDENTIALS") {
        try await changePassword(
            $0.clinic.signUp(), from: String(repeating: "x", count: 73), to: "battery staple")
    },
    RefusalCase("a new password of 7 characters", .invalidArgument, "INVALID_PASSWORD") {
        try await changePassword($0.patient, from: TestClinic.password, to: "1234567")
    },
    RefusalCase("a new password of 73 bytes", .invalidArgument, "INVALID_PASSWORD") {
        try await changePassword($0.patient, from: TestClinic.password, to: String(repeating: "x", count: 73))
    },
    RefusalCase("a refresh token that is none", .unauthenticated, "INVALID_TOKEN") {
        _ = try await refresh($0, "none")
    },
    RefusalCase("a refresh token that was never issued", .unauthenticated, "INVALID_TOKEN") {
        _ = try await refresh($0, String(repeating: "A", count: 64))
    },
    RefusalCase("a refresh token that was used", .unauthenticated, "INVALID_TOKEN") {
        let token = try await $0.clinic.signUp().refreshToken
        _ = try await refresh($0, refresh($0, token).refreshToken)
        _ = try await refresh($0, token)
    },
    RefusalCase("the refresh token after one that was used twice", .unauthenticated, "INVALID_TOKEN") {
        let token = try await $0.clinic.signUp().refreshToken
        let next = try await refresh($0, refresh($0, token).refreshToken).refreshToken
        do { _ = try await refresh($0, token) } catch is Status {}
        _ = try await refresh($0, next)
    },
    RefusalCase("a refresh token as an access token", .unauthenticated, "INVALID_TOKEN") {
        let token = try await $0.clinic.signUp().refreshToken
        try await Session(client: $0.anonymous.client, token: token, userID: 0)
            .call(DoctorServiceMethods.listDoctors, ListDoctorsRequest())
    },
    RefusalCase("a token after its person was signed out everywhere", .unauthenticated, "INVALID_TOKEN") {
        let patient = try await $0.clinic.signUp()
        try await patient.call(UserServiceMethods.revokeTokens, RevokeTokensRequest())
        try await patient.call(DoctorServiceMethods.listDoctors, ListDoctorsRequest())
    },
    RefusalCase("a token of a person who is not there", .unauthenticated, "INVALID_TOKEN") {
        let token = try AccessTokens(keys: $0.clinic.keys).issue(userID: 999_999, role: .admin, now: .now)
        try await Session(client: $0.anonymous.client, token: token.text, userID: 0)
            .call(DoctorServiceMethods.listDoctors, ListDoctorsRequest())
    },
    RefusalCase("another person, signed out by a patient", .notFound, "USER_NOT_FOUND") {
        try await $0.patient.call(
            UserServiceMethods.revokeTokens, RevokeTokensRequest(userID: $0.administrator.userID))
    },
    RefusalCase("another person, signed out by the staff", .permissionDenied, "ROLE_REQUIRED") {
        try await staff($0).call(
            UserServiceMethods.revokeTokens, RevokeTokensRequest(userID: $0.patient.userID))
    },
]

private let administrationCases: [RefusalCase] = [
    RefusalCase("a role given by the staff", .permissionDenied, "ROLE_REQUIRED") {
        let member = try await staff($0)
        try await member.call(
            UserServiceMethods.setUserRole, SetUserRoleRequest(userID: member.userID, role: .admin))
    },
    RefusalCase("no role at all", .invalidArgument, "INVALID_FIELD") {
        try await $0.administrator.call(
            UserServiceMethods.setUserRole, SetUserRoleRequest(userID: $0.patient.userID))
    },
    RefusalCase("a role for nobody", .notFound, "USER_NOT_FOUND") {
        try await $0.administrator.call(
            UserServiceMethods.setUserRole, SetUserRoleRequest(userID: 999_999, role: .staff))
    },
    RefusalCase("a role on a stale etag", .aborted, "STALE_ETAG") {
        try await $0.administrator.call(
            UserServiceMethods.setUserRole,
            SetUserRoleRequest(userID: $0.patient.userID, role: .staff, etag: otherEtag))
    },
    RefusalCase("the last administrator, made a patient", .failedPrecondition, "LAST_ADMINISTRATOR") { _ in
        try await withClinicOfItsOwn { administrator in
            try await administrator.call(
                UserServiceMethods.setUserRole,
                SetUserRoleRequest(userID: administrator.userID, role: .patient))
        }
    },
    RefusalCase("the last administrator, erased", .failedPrecondition, "LAST_ADMINISTRATOR") { _ in
        try await withClinicOfItsOwn { administrator in
            try await administrator.call(
                UserServiceMethods.eraseUser, EraseUserRequest(userID: administrator.userID))
        }
    },
    RefusalCase("an erasure of nobody in particular", .invalidArgument, "INVALID_FIELD") {
        try await $0.patient.call(UserServiceMethods.eraseUser, EraseUserRequest())
    },
    RefusalCase("another person, erased by a patient", .notFound, "USER_NOT_FOUND") {
        try await $0.patient.call(
            UserServiceMethods.eraseUser, EraseUserRequest(userID: $0.administrator.userID))
    },
    RefusalCase("another person, erased by the staff", .permissionDenied, "ROLE_REQUIRED") {
        try await staff($0).call(UserServiceMethods.eraseUser, EraseUserRequest(userID: $0.patient.userID))
    },
]

/// A clinic with one administrator, gone when the attempt is over.
private func withClinicOfItsOwn(_ attempt: (Session) async throws -> Void) async throws {
    try await withClinic { clinic in try await attempt(clinic.administrator()) }
}
