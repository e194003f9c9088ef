// The fields that an update changes.

internal import ClinicMessages
internal import RPC

/// The fields that an update changes (google.protobuf.FieldMask, AIP-134).
struct UpdateMask {
    private let paths: Set<String>?

    /// A path that is not among the fields is refused, `*` too: from a client that knows fewer fields than the server it would
    /// empty those that were added since.
    ///
    /// - Parameter fields: the fields that can be changed.
    init(_ mask: ProtobufFieldMask?, fields: Set<String>) throws(Status) {
        guard let mask, !mask.paths.isEmpty else {
            paths = nil
            return
        }
        for (index, path) in mask.paths.enumerated() where !fields.contains(path) {
            throw Status(
                .invalidUpdateMask, field: "update_mask.paths[\(index)]",
                "update_mask names \(fields.sorted().joined(separator: ", ")) only")
        }
        paths = Set(mask.paths)
    }

    /// Whether a field is to be changed: it is in the mask or, without a mask, it has a value.
    func changes(_ path: String, whenSet isSet: Bool) -> Bool { paths?.contains(path) ?? isSet }
}
