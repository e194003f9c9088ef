// Tax, refunds and the states of a payment, all in integers.
import Scheduling
import TestRandom
import Testing

@Suite struct MoneyTests {
    @Test(arguments: [
        (20_099, 2_010, 22_109), (20_095, 2_010, 22_105), (50_099, 5_010, 55_109), (15, 2, 17), (0, 0, 0),
        (4, 0, 4), (5, 1, 6),
    ])
    func `ten per cent is rounded half up`(fee: Int64, gst: Int64, total: Int64) throws {
        let price = try GSTRate.standard.price(fee: fee)
        #expect(price.fee == fee)
        #expect(price.gst == gst)
        #expect(price.total == total)
        #expect(try GSTRate.free.price(fee: fee).total == fee)
    }

    @Test func `every rate agrees with the definition computed in 128 bits`() throws {
        var generator = SeededGenerator(printing: "prices")
        for _ in 0..<20_000 {
            let rate = try #require(GSTRate(basisPoints: .random(in: 0...10_000, using: &generator)))
            let greatest = Int64.random(in: 0...GSTRate.maximumFee, using: &generator)
            let fee = Int64.random(in: 0...greatest, using: &generator)
            let exact = (Int128(fee) * Int128(rate.basisPoints) * 2 + 10_000) / 20_000
            let price = try rate.price(fee: fee)
            if Int128(price.gst) != exact || price.total != fee + price.gst { Issue.record("\(fee) \(rate)") }
        }
    }

    @Test func `a fee below zero or too large is an error`() throws {
        #expect(throws: PriceError.negativeFee) { try GSTRate.standard.price(fee: -1) }
        #expect(throws: PriceError.negativeFee) { try GSTRate.standard.price(fee: .min) }
        for fee in [GSTRate.maximumFee + 1, .max] {
            #expect(throws: PriceError.feeTooLarge) { try GSTRate.free.price(fee: fee) }
        }
        let greatest = try #require(GSTRate(basisPoints: 10_000)).price(fee: GSTRate.maximumFee)
        #expect(greatest.total == 2_000_000_000_000)
        for bps in [-1, 10_001, Int64.min, Int64.max] { #expect(GSTRate(basisPoints: bps) == nil) }
    }

    @Test func `a refund without an amount returns all that is left`() throws {
        let refund = try Refund(fee: 20_099, gst: 2_010)
        #expect((refund.fee, refund.gst, refund.total) == (20_099, 2_010, 22_109))
        #expect(refund.isFull)
        let rest = try Refund(fee: 20_099, gst: 2_010, refundedFee: 99, refundedGST: 10)
        #expect((rest.fee, rest.gst, rest.isFull) == (20_000, 2_000, true))
    }

    @Test func `a partial refund takes its share of the tax, rounded half up`() throws {
        let part = try Refund(of: 10_000, fee: 20_099, gst: 2_010)
        // 10000 × 2010 / 22109 = 909.13
        #expect((part.fee, part.gst, part.isFull) == (9_091, 909, false))
    }

    @Test func `partial refunds always sum to the payment`() throws {
        var generator = SeededGenerator(printing: "refunds")
        for _ in 0..<3_000 {
            let fee = Int64.random(in: 0...40, using: &generator)
            let rate = try #require(GSTRate(basisPoints: .random(in: 0...10_000, using: &generator)))
            let price = try rate.price(fee: fee)
            var (returnedFee, returnedGST): (Int64, Int64) = (0, 0)
            while returnedFee + returnedGST < price.total {
                let left = price.total - returnedFee - returnedGST
                let part = try Refund(
                    of: .random(in: 1...left, using: &generator), fee: price.fee, gst: price.gst,
                    refundedFee: returnedFee, refundedGST: returnedGST)
                if part.fee < 0 || part.gst < 0 || part.fee + part.gst != part.total {
                    Issue.record("\(part)")
                }
                returnedFee += part.fee
                returnedGST += part.gst
                if part.isFull != (returnedFee + returnedGST == price.total) { Issue.record("\(part)") }
            }
            if (returnedFee, returnedGST) != (price.fee, price.gst) { Issue.record("\(price)") }
        }
    }

    @Test func `a refund with a stable split is split the same after other refunds`() throws {
        var generator = SeededGenerator(printing: "refunds on an older balance")
        var counts = (reused: 0, recomputed: 0)
        for _ in 0..<4_000 {
            let fee = Int64.random(in: 0...60, using: &generator)
            let rate = try #require(GSTRate(basisPoints: .random(in: 0...10_000, using: &generator)))
            let price = try rate.price(fee: fee)
            var decided: [Refund] = []
            var (returnedFee, returnedGST): (Int64, Int64) = (0, 0)
            func decide(_ amount: Int64) throws -> Refund {
                try Refund(
                    of: amount, fee: price.fee, gst: price.gst, refundedFee: returnedFee,
                    refundedGST: returnedGST)
            }
            while returnedFee + returnedGST < price.total {
                let left = price.total - returnedFee - returnedGST
                for _ in 0..<2 {
                    decided.append(try decide(.random(in: 1...max(1, left / 3), using: &generator)))
                }
                // A refund that was computed on an earlier balance is applied to this one.
                let old = decided.remove(at: .random(in: decided.indices, using: &generator))
                let fits =
                    old.fee <= price.fee - returnedFee && old.gst <= price.gst - returnedGST
                    && old.total < left
                let part: Refund
                if old.hasStableSplit && fits {
                    part = old
                    counts.reused += 1
                    let now = try decide(old.total)
                    if (old.fee, old.gst) != (now.fee, now.gst) { Issue.record("\(old) \(now) \(price)") }
                } else {
                    part = try decide(.random(in: 1...left, using: &generator))
                    counts.recomputed += 1
                }
                returnedFee += part.fee
                returnedGST += part.gst
            }
            if (returnedFee, returnedGST) != (price.fee, price.gst) { Issue.record("\(price)") }
        }
        #expect(counts.reused > 1_000 && counts.recomputed > 1_000, "\(counts)")
    }

    @Test func `an impossible refund is a typed error`() {
        #expect(throws: RefundError.nothingLeft) {
            try Refund(fee: 10, gst: 1, refundedFee: 10, refundedGST: 1)
        }
        #expect(throws: RefundError.nothingLeft) { try Refund(fee: 0, gst: 0) }
        #expect(throws: RefundError.moreThanLeft(left: 11)) { try Refund(of: 12, fee: 10, gst: 1) }
        #expect(throws: RefundError.notPositive) { try Refund(of: 0, fee: 10, gst: 1) }
        #expect(throws: RefundError.notPositive) { try Refund(of: .min, fee: 10, gst: 1) }
        for (fee, gst) in [(Int64.max, Int64.max), (-1, 1), (1, -1), (.min, .min)] {
            #expect(throws: RefundError.inconsistentPayment) { try Refund(fee: fee, gst: gst) }
        }
        #expect(throws: RefundError.inconsistentPayment) { try Refund(fee: 10, gst: 1, refundedFee: 11) }
    }

    @Test func `the largest payment does not trap`() throws {
        let half = Int64.max / 2
        let part = try Refund(of: .max - 2, fee: half, gst: half)
        #expect(part.fee + part.gst == .max - 2)
        #expect(part.fee <= half && part.gst <= half)
    }

    @Test func `a payment makes exactly the transitions of its table`() {
        let table: Set<[TransactionStatus]> = [
            [.pending, .paid], [.pending, .failed], [.paid, .partiallyRefunded], [.paid, .refunded],
            [.paid, .voided], [.partiallyRefunded, .partiallyRefunded], [.partiallyRefunded, .refunded],
            [.partiallyRefunded, .voided],
        ]
        for from in TransactionStatus.allCases {
            for to in TransactionStatus.allCases {
                #expect(from.mayBecome(to) == table.contains([from, to]), "\(from) \(to)")
            }
            if let after = from.afterRefund(isFull: true) { #expect(from.mayBecome(after)) }
            if let after = from.afterRefund(isFull: false) { #expect(from.mayBecome(after)) }
            if from.deletion == .reverseAndVoid { #expect(from.mayBecome(.voided)) }
        }
        #expect(TransactionStatus.allCases.filter(\.isLive) == [.pending, .paid, .partiallyRefunded])
        #expect(TransactionStatus.allCases.filter(\.isRefundable) == [.paid, .partiallyRefunded])
    }
}
