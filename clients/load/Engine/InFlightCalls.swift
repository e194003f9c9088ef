// The calls in flight of one connection by their stream ids: a table with open addressing, because a Dictionary costs
// more than all the rest of a call. Ids of calls that are sent one after another lie one after another in it.

/// What is known of a call in flight.
struct OpenCall {
    /// Nanoseconds of the monotonic clock when it was to begin, and when it was sent.
    var scheduled: UInt64
    var sent: UInt64
    /// The index of its step; nil in the warm-up.
    var step: Int?
    var call: WorkloadCall
}

/// Calls by stream id. At most half of its places are taken.
struct CallTable {
    private var places: [(streamID: UInt32, call: OpenCall)?]
    private let mask: Int
    private(set) var count = 0

    /// Room for so many calls.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        places = Array(repeating: nil, count: size)
        mask = size - 1
    }

    /// Stream ids are odd: without their last bit they are dense.
    private func home(_ streamID: UInt32) -> Int { Int(streamID >> 1) & mask }

    /// Adds a call with an id that is not in the table, which has room.
    mutating func insert(_ call: OpenCall, streamID: UInt32) {
        var index = home(streamID)
        while places[index] != nil { index = (index + 1) & mask }
        places[index] = (streamID, call)
        count += 1
    }

    /// Takes the call of an id out.
    mutating func remove(_ streamID: UInt32) -> OpenCall? {
        var index = home(streamID)
        while let place = places[index] {
            if place.streamID == streamID {
                places[index] = nil
                count -= 1
                closeGap(at: index)
                return place.call
            }
            index = (index + 1) & mask
        }
        return nil
    }

    /// Takes all calls out.
    mutating func removeAll() -> [OpenCall] {
        let calls = places.compactMap { $0?.call }
        for index in places.indices { places[index] = nil }
        count = 0
        return calls
    }

    /// Moves back what stands behind a place that became free and could not be found past it.
    private mutating func closeGap(at freed: Int) {
        var (gap, index) = (freed, (freed + 1) & mask)
        while let place = places[index] {
            let distance = (index - home(place.streamID)) & mask
            if distance >= (index - gap) & mask {
                places[gap] = place
                places[index] = nil
                gap = index
            }
            index = (index + 1) & mask
        }
    }
}
