// Which watcher gets which events, without a database.

import Scheduling
import Testing

@testable import ClinicService
@testable import ClinicStore

@Suite struct WatchFanOutTests {
    private static func position(_ number: Int64) -> EventPosition {
        EventPosition(transactionNumber: number, sequence: number)
    }

    /// The event of this number about a booking of this patient.
    private static func header(_ number: Int64, of userID: Int64) -> EventHeader {
        EventHeader(
            position: position(number),
            subject: EventHeader.Subject(
                occurredAt: Instant(microsecondsSinceEpoch: 0), type: .created, bookingID: number,
                userID: userID,
                doctorID: 1))
    }

    /// A fan-out with its watchers, whose wake-ups nobody awaits.
    private struct Scene {
        var fanOut = WatchFanOut()
        private let stream = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

        mutating func join(_ userID: Int64, _ scope: BookingScope? = nil) -> UInt64? {
            fanOut.join(userID, scope ?? .patient(userID), doctorID: nil, stream.continuation)
        }

        mutating func publish(_ headers: [EventHeader]) {
            finish(fanOut.concerning(headers), headers)
        }

        mutating func finish(
            _ concerning: [(EventHeader, EventHeader.Subject)], _ headers: [EventHeader]
        ) {
            _ = fanOut.publish(
                concerning.map { header, subject in
                    WatchFanOut.Entry(subject: subject, record: header.record(of: subject, with: nil))
                }, upTo: headers.last?.position ?? WatchFanOutTests.position(0))
        }

        /// What the watcher does next, in short.
        mutating func take(_ number: UInt64?, after position: Int64) -> String {
            switch fanOut.take(number ?? 0, after: WatchFanOutTests.position(position)) {
            case nil: "nothing"
            case .current(let end): "current \(end.sequence)"
            case .events(let events, let end): "events \(events.map(\.bookingID)) up to \(end.sequence)"
            case .behind(let end): "behind \(end.sequence)"
            }
        }
    }

    @Test func `a watcher takes its own events after its position, once`() {
        var scene = Scene()
        let (first, second) = (scene.join(1), scene.join(2))
        #expect(scene.take(first, after: 0) == "nothing")
        scene.publish([])
        #expect(scene.take(first, after: 0) == "current 0")
        scene.publish([Self.header(1, of: 1), Self.header(2, of: 2), Self.header(3, of: 1)])
        #expect(scene.take(first, after: 0) == "events [1, 3] up to 3")
        #expect(scene.take(first, after: 3) == "current 3")
        #expect(scene.take(second, after: 0) == "events [2] up to 3")
        // It read the end of the events by itself, later than the feed.
        #expect(scene.take(second, after: 9) == "current 9")
    }

    @Test func `a watcher that joins reads by itself what may not be in the log`() {
        var scene = Scene()
        _ = scene.join(1)
        scene.publish([])
        scene.publish([Self.header(1, of: 2)])
        let late = scene.join(2)
        #expect(scene.take(late, after: 0) == "behind 1")
        scene.publish([Self.header(2, of: 2)])
        #expect(scene.take(late, after: 1) == "events [2] up to 2")

        // One that joins while the bookings of events are being read was not asked whether they concern it.
        let headers = [Self.header(3, of: 3)]
        let concerning = scene.fanOut.concerning(headers)
        #expect(concerning.isEmpty)
        let later = scene.join(3)
        #expect(scene.take(later, after: 2) == "current 2")
        scene.finish(concerning, headers)
        #expect(scene.take(later, after: 2) == "behind 3")
    }

    @Test
    func `a watcher that is further behind than the log reads by itself, and a batch at a time from the log`()
    {
        var scene = Scene()
        let (staff, slow) = (scene.join(1, .clinic), scene.join(2))
        scene.publish([])
        for number in 1...Int64(2 * WatchFanOut.logLength + 1) { scene.publish([Self.header(number, of: 2)]) }
        #expect(scene.take(slow, after: 0) == "behind \(2 * WatchFanOut.logLength + 1)")
        let start = Int64(WatchFanOut.logLength + 1)
        let taken = Array(start + 1...start + Int64(WatchFanOut.takeLimit))
        #expect(scene.take(staff, after: start) == "events \(taken) up to \(start + Int64(taken.count))")
        #expect(scene.take(staff, after: start - 1).hasPrefix("behind"))
    }

    @Test func `a user has a bounded number of watchers`() {
        var scene = Scene()
        let all = (0..<WatchFanOut.watchersPerUser).map { _ in scene.join(1) }
        #expect(all.allSatisfy { $0 != nil })
        #expect(scene.join(1) == nil)
        #expect(scene.join(2) != nil)
        scene.fanOut.leave(all[0] ?? 0)
        #expect(scene.join(1) != nil)
    }
}
