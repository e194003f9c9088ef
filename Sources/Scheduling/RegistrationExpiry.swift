// A doctor's registration is a civil date, so it is compared with the day of the visit on the clinic's calendar and
// not with an instant.

/// The rule that a registration is valid up to and including its expiry date.
public enum RegistrationExpiry {
    /// Whether a registration that ends on `expiry` covers a visit on that local day.
    public static func covers(_ visitDay: CivilDate, expiry: CivilDate) -> Bool {
        visitDay <= expiry
    }
}
