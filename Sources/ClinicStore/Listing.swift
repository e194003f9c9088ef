// A list by keyset: any subset of a few filters, one fixed order, never OFFSET.
//
// A statement per subset, so that the planner sees only the conditions that hold and each gets the index made for it.
internal import PostgreSQL

/// A list of records over a view.
struct Listing<Item: Record>: Sendable {
    private let statements: [Statement]
    /// The same with the usual limit in their text and the values behind a `select`: PostgreSQL then cannot hope that a
    /// plan for these very values would be better than the one for any, and makes that once. With the limit as a parameter
    /// it reckons with a tenth of the table in the one plan, with the values in sight with few rows in the other, and so
    /// plans every execution anew, which takes ten times as long as what is planned.
    private let usual: [Statement]

    /// How many records cost as much as a small statement.
    private static var recordsOfSmallStatement: Int { 16 }

    /// The page that nobody asked to be larger or smaller, and one record more.
    private static var usualLimit: Int64 { 51 }

    /// A condition with one `?`, for the value in the same place of `page`.
    struct Filter: ExpressibleByStringInterpolation {
        let condition: String
        /// Whether the value has several texts behind one another, separated by commas, of which the condition holds for one.
        var isForEach = false

        init(stringLiteral condition: String) { self.condition = condition }

        /// The rows whose column has one of several texts. Each is searched for by itself: an index on the column and the order
        /// then gives the first rows of each in their order, which it does not for `= any`.
        static func isOneOf(_ column: String) -> Filter {
            var filter = Filter(stringLiteral: "\(column) = ?")
            filter.isForEach = true
            return filter
        }
    }

    /// - Parameters:
    ///   - view: the view that has the columns of `Item`.
    ///   - filters: at most one of them is `isOneOf`.
    ///   - order: the columns of the keyset, unique together.
    ///   - isDescending: the last of the order comes first.
    ///   - isPlannedOnce: each subset of the filters has one index that is right for rare and common values.
    ///   - owner: the filter that leaves only what is one person's: the usual pages of many callers who give it are read
    ///     as a set.
    init(
        _ view: String, filters: [Filter] = [], order: [String], isDescending: Bool = false,
        isPlannedOnce: Bool = true, owner: Int? = nil
    ) {
        let direction = isDescending ? " desc" : ""
        func text(_ subset: Int, limit: Int64?, value: (Int) -> String) -> String {
            var number = 0
            func next() -> String {
                number += 1
                return value(number)
            }
            var texts: String?
            var conditions = filters.enumerated().filter { subset & (1 << $0.offset) != 0 }.map {
                (_, filter) in
                if filter.isForEach { texts = next() }
                return filter.condition.split(separator: "?", omittingEmptySubsequences: false).joined(
                    separator: filter.isForEach ? "wanted" : next())
            }
            if subset & (1 << filters.count) != 0 {
                let cursor = order.map { _ in next() }.joined(separator: ", ")
                conditions.append(
                    "(\(order.joined(separator: ", "))) \(isDescending ? "<" : ">") (\(cursor))")
            }
            let limit = limit.map(String.init) ?? next()
            let end = " order by \(order.map { $0 + direction }.joined(separator: ", ")) limit \(limit)"
            let page =
                "select \(Item.columnList()) from \(view)"
                + (conditions.isEmpty ? "" : " where " + conditions.joined(separator: " and ")) + end
            guard let texts else { return page }
            return
                "select \(Item.columnList()) from unnest(string_to_array(\(texts), ',')) as each_text (wanted)"
                + " cross join lateral (\(page)) as page" + end
        }
        /// The same pages for many callers, whose values are in arrays.
        func set(_ subset: Int) -> String? {
            guard let owner, subset & (1 << owner) != 0 else { return nil }
            let isAfterCursor = subset & (1 << filters.count) != 0
            let count = (subset & ~(1 << filters.count)).nonzeroBitCount + (isAfterCursor ? order.count : 0)
            let page = text(subset, limit: Self.usualLimit) { "value\($0)" }
            return
                "select call, \(Item.columnList(of: "page")) from unnest(\((1...count).map { "$\($0)" }.joined(separator: ", ")))"
                + " with ordinality as given (\((1...count).map { "value\($0)" }.joined(separator: ", ")), call)"
                + " cross join lateral (\(page)) as page"
                + " order by call, \(order.map { "page." + $0 + direction }.joined(separator: ", "))"
        }
        let subsets = 0..<(2 << filters.count)
        statements = subsets.map {
            Statement(text($0, limit: nil) { "$\($0)" }, isPlannedEachTime: !isPlannedOnce)
        }
        usual =
            isPlannedOnce
            ? subsets.map {
                Statement(
                    text($0, limit: Self.usualLimit) { "(select $\($0))" }, batched: set($0), isLong: true)
            } : []
    }

    /// The first `limit` records after `cursor` that pass the filters that are not nil.
    ///
    /// - Parameters:
    ///   - filters: a value, or nil for no condition, for each filter of the list.
    ///   - cursor: the keyset of the last record seen; nil for the start.
    func page(
        from database: Database, filters: [SQLValue?] = [], after cursor: [SQLValue]?, limit: Int64
    ) -> Query<[Item]> {
        var subset = 0
        for (index, filter) in filters.enumerated() where filter != nil { subset |= 1 << index }
        if cursor != nil { subset |= 1 << filters.count }
        let isUsual = limit == Self.usualLimit && !usual.isEmpty
        let parameters = filters.compactMap(\.self) + (cursor ?? []) + (isUsual ? [] : [.int64(limit)])
        let cost = isUsual ? 1 : 1 + Int(clamping: limit) / Self.recordsOfSmallStatement
        return Query(database, (isUsual ? usual : statements)[subset], parameters, cost: cost) { rows in
            try rows.map { row in
                var row = row
                return try Item(reading: &row)
            }
        }
    }
}
