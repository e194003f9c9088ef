// The one place where an object of OpenSSL is said to be safe on every thread.

/// A pointer to an object of OpenSSL that threads may share. Unchecked: OpenSSL allows it for what does not change once it
/// is set up, and whoever holds one of another kind uses it under a lock.
struct SharedPointer: @unchecked Sendable {
    let pointer: OpaquePointer
}
