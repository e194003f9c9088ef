// When a server counts as hung, and a connection as lost.

import Testing

@testable import PostgreSQL

struct ProbeStateMachineTests {
    private let start = ContinuousClock.now

    private func machine() -> ProbeStateMachine {
        var limits = DatabaseConfiguration(url: "")
        limits.silenceTolerance = .seconds(2)
        limits.probeTimeout = .seconds(3)
        limits.stuckTolerance = .seconds(35)
        return ProbeStateMachine(limits)
    }

    @Test func `only a connection that owes results for long is probed, and once`() {
        var machine = machine()
        let later = start + .seconds(60)
        #expect(machine.check(lastSign: start, busySince: nil, at: later).action == .none)
        #expect(
            machine.check(lastSign: start, busySince: start, at: start + .milliseconds(1_999)).action == .none
        )
        #expect(machine.check(lastSign: start, busySince: start, at: start + .seconds(2)).action == .probe)
        #expect(machine.check(lastSign: start, busySince: start, at: start + .seconds(3)).action == .none)
    }

    @Test func `without an answer in time all connections that were silent are lost, idle ones too`() {
        var machine = machine()
        let probed = start + .seconds(2)
        _ = machine.check(lastSign: start, busySince: start, at: probed)
        let late = machine.check(lastSign: start, busySince: start, at: probed + .seconds(3))
        #expect(late.action == .giveUp && late.wakesOthers)
        #expect(machine.check(lastSign: start, busySince: nil, at: probed + .seconds(3)).action == .giveUp)
        let younger = probed + .seconds(1)
        #expect(machine.check(lastSign: younger, busySince: nil, at: probed + .seconds(3)).action == .none)
    }

    @Test func `a probe that fails at once is as bad as none`() {
        var machine = machine()
        let probed = start + .seconds(2)
        _ = machine.check(lastSign: start, busySince: start, at: probed)
        #expect(machine.probed(sent: probed, isAnswered: false, at: probed) == true)
        #expect(machine.check(lastSign: start, busySince: nil, at: probed).action == .giveUp)
    }

    @Test func `a connection that stays silent while the server answers is lost after a longer time`() {
        var machine = machine()
        let probed = start + .seconds(2)
        _ = machine.check(lastSign: start, busySince: start, at: probed)
        #expect(machine.probed(sent: probed, isAnswered: true, at: probed) == false)
        #expect(machine.check(lastSign: start, busySince: start, at: start + .seconds(3)).action == .none)
        #expect(machine.check(lastSign: start, busySince: start, at: start + .seconds(34)).action == .probe)
        #expect(machine.check(lastSign: start, busySince: start, at: start + .seconds(35)).action == .giveUp)
        // It has owed nothing for so long.
        let busy = start + .seconds(30)
        #expect(machine.check(lastSign: start, busySince: busy, at: start + .seconds(35)).action == .none)
    }
}
