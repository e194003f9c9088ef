// Texts that another system kept, in the form that requests are brought into. What a request could not say is nil.

internal import RPC

/// Reads texts of another system by the rules for requests.
public enum ImportedText {
    /// A person's first or last name.
    public static func name(_ text: String) -> String? { read(text, .firstName) }
    /// The name of a department.
    public static func departmentName(_ text: String) -> String? { read(text, .departmentName) }
    /// A doctor's whole name.
    public static func fullName(_ text: String) -> String? { read(text, .fullName) }
    /// A doctor's registration number.
    public static func registrationNumber(_ text: String) -> String? { read(text, .registrationNumber) }

    /// A phone number of 3 to 15 digits.
    public static func phone(_ text: String) -> String? {
        var fields = FieldReader()
        let phone = fields.phone(text, "phone")
        return (try? fields.finish()).map { phone }
    }

    /// An e-mail address, trimmed and in lower case.
    public static func email(_ text: String) -> String? {
        var fields = FieldReader()
        let email = fields.email(text, "email")
        return (try? fields.finish()).map { email }
    }

    /// What a department's name is compared by.
    public static func key(ofName name: String) -> String { name.folded }

    private static func read(_ text: String, _ kind: TextField) -> String? {
        var fields = FieldReader()
        let value = fields.text(text, kind)
        return (try? fields.finish()).map { value }
    }
}
