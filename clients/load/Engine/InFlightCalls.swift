// The calls in flight on one connection, by stream id. An open-addressing table, because a Dictionary costs more
// than the rest of a call. Consecutive stream ids occupy consecutive slots.

/// A call in flight.
struct InFlightCall {
    /// The scheduled and the actual start in nanoseconds of the monotonic clock.
    var scheduled: UInt64
    var sent: UInt64
    /// The index of its step; nil during warm-up.
    var step: Int?
    var call: WorkloadCall
}

/// The table of calls by stream id, at most half full.
struct InFlightCalls {
    private var slots: [(streamID: UInt32, call: InFlightCall)?]
    private let mask: Int
    private(set) var count = 0

    /// Makes a table for up to `capacity` calls.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = Array(repeating: nil, count: size)
        mask = size - 1
    }

    /// The preferred slot. Stream ids are odd, so dropping the lowest bit makes them dense.
    private func preferredSlot(_ streamID: UInt32) -> Int { Int(streamID >> 1) & mask }

    /// Inserts a call; the id must not be in the table and the table must not be full.
    mutating func insert(_ call: InFlightCall, streamID: UInt32) {
        var index = preferredSlot(streamID)
        while slots[index] != nil { index = (index + 1) & mask }
        slots[index] = (streamID, call)
        count += 1
    }

    /// Removes and returns the call with this id.
    mutating func remove(_ streamID: UInt32) -> InFlightCall? {
        var index = preferredSlot(streamID)
        while let slot = slots[index] {
            if slot.streamID == streamID {
                slots[index] = nil
                count -= 1
                closeGap(at: index)
                return slot.call
            }
            index = (index + 1) & mask
        }
        return nil
    }

    /// Removes and returns all calls.
    mutating func removeAll() -> [InFlightCall] {
        let calls = slots.compactMap { $0?.call }
        for index in slots.indices { slots[index] = nil }
        count = 0
        return calls
    }

    /// Moves later entries back into the freed slot if a lookup could no longer reach them past it.
    private mutating func closeGap(at freed: Int) {
        var (gap, index) = (freed, (freed + 1) & mask)
        while let slot = slots[index] {
            let distance = (index - preferredSlot(slot.streamID)) & mask
            if distance >= (index - gap) & mask {
                slots[gap] = slot
                slots[index] = nil
                gap = index
            }
            index = (index + 1) & mask
        }
    }
}
