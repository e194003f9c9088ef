// A registration expires at the end of a calendar day, so the rule compares it with the local day of the visit and
// not with an instant.

/// The rule that a registration is valid up to and including its expiry date.
public enum RegistrationExpiry {
    /// Whether a registration that expires on `expiry` covers a visit on this local day.
    public static func covers(_ visitDay: CivilDate, expiry: CivilDate) -> Bool {
        visitDay <= expiry
    }
}
