// The page's markup: escaping, tables and the style sheet. The page is well-formed XML as well as HTML and loads no
// external resources.

internal import Terminal

/// Escapes a text for use as content or attribute value.
func escaped(_ text: String) -> String {
    var result = ""
    for scalar in printable(text).unicodeScalars {
        switch scalar {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        case "'": result += "&#39;"
        // Scalars that XML does not allow.
        case "\u{FFFE}", "\u{FFFF}": result.unicodeScalars.append("\u{FFFD}")
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}

/// A table with column titles; the columns from `firstNumber` on are right-aligned numbers.
func htmlTable(_ titles: [String], _ rows: [[String]], firstNumber: Int = .max) -> String {
    func cells(_ texts: [String], _ tag: String) -> String {
        texts.enumerated().map { column, text in
            "<\(tag)\(column >= firstNumber ? " class=\"number\"" : "")>\(escaped(text))</\(tag)>"
        }.joined()
    }
    let head = titles.isEmpty ? "" : "<thead><tr>\(cells(titles, "th"))</tr></thead>\n"
    let body = rows.map { "<tr>\(cells($0, "td"))</tr>" }.joined(separator: "\n")
    return "<div class=\"wide\"><table>\n\(head)<tbody>\n\(body)\n</tbody></table></div>\n"
}

/// A list of names and values.
func htmlFacts(_ facts: [(String, String)]) -> String {
    "<dl>" + facts.map { "<dt>\(escaped($0.0))</dt><dd>\(escaped($0.1))</dd>" }.joined(separator: "\n")
        + "</dl>\n"
}

/// The style sheet. Its colours are distinguishable for people with colour blindness, on light and dark
/// backgrounds.
let styleSheet = """
    :root { color-scheme: light dark; --paper: #fff; --card: #f6f7f9; --ink: #1c2127; --soft: #5d6673; --rule: #dde1e6;
      --good: #1a7f4b; --bad: #c2331f; --c1: #0b6fb8; --c2: #d97706; --c3: #118a6f; --c4: #b5478f; --c5: #7a6ff0; --c6: #8a6d1d;
      --c7: #c2331f; --c8: #8b939e; }
    @media (prefers-color-scheme: dark) { :root { --paper: #14171b; --card: #1c2026; --ink: #e6e9ed; --soft: #9aa4b1;
      --rule: #313841; --good: #4cc38a; --bad: #ff7b6b; --c1: #58a6e8; --c2: #f0a04b; --c3: #43c6a4; --c4: #e08cc3; --c5: #a79ffb;
      --c6: #d3b55b; --c7: #ff7b6b; --c8: #7f8894; } }
    * { box-sizing: border-box; }
    body { margin: 0 auto; padding: 28px 24px 48px; max-width: 1240px; background: var(--paper); color: var(--ink);
      font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
    h1 { font-size: 25px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
    h2 { font-size: 19px; margin: 36px 0 8px; }
    h3 { font-size: 15px; margin: 20px 0 6px; }
    p { margin: 6px 0; max-width: 90ch; }
    .soft { color: var(--soft); }
    .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px; margin: 20px 0; }
    .tiles div { background: var(--card); border-radius: 8px; padding: 12px 16px; }
    .tiles b { display: block; font-size: 23px; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
    .tiles span { color: var(--soft); font-size: 13px; }
    .note { background: var(--card); border-left: 4px solid var(--c2); border-radius: 4px; padding: 8px 14px; max-width: none; }
    .note.bad { border-color: var(--bad); } .note.good { border-color: var(--good); }
    .plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 500px), 1fr)); gap: 20px; }
    figure { margin: 0; background: var(--card); border-radius: 8px; padding: 14px 14px 8px; }
    figcaption { font-weight: 600; }
    .legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 13px; color: var(--soft); min-height: 21px; margin-bottom: 4px; }
    .legend i { display: inline-block; width: 12px; height: 3px; margin-right: 6px; vertical-align: middle; background: var(--c); }
    .legend i.warm { height: 11px; background: var(--rule); }
    svg { display: block; width: 100%; height: auto; }
    svg text { font-size: 12px; fill: var(--soft); font-variant-numeric: tabular-nums; }
    .end { text-anchor: end; } .mid { text-anchor: middle; }
    .grid { stroke: var(--rule); } .axis { stroke: var(--soft); } .mark { stroke: var(--soft); stroke-dasharray: 3 3; }
    svg .warm { fill: var(--rule); opacity: .5; }
    .line { fill: none; stroke: var(--c); stroke-width: 1.8; stroke-linejoin: round; }
    .d1 { stroke-dasharray: 7 3; } .d2 { stroke-dasharray: 2 3; } i.d1 { opacity: .7; } i.d2 { opacity: .45; }
    .value { fill: transparent; } .value:hover { fill: var(--rule); opacity: .4; }
    .area { fill: var(--c); opacity: .85; }
    .k1 { --c: var(--c1); } .k2 { --c: var(--c2); } .k3 { --c: var(--c3); } .k4 { --c: var(--c4); }
    .k5 { --c: var(--c5); } .k6 { --c: var(--c6); } .k7 { --c: var(--c7); } .k8 { --c: var(--c8); }
    .wide { overflow-x: auto; }
    table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
    th { text-align: left; font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--soft); }
    th, td { padding: 5px 12px 5px 0; white-space: nowrap; } td { border-bottom: 1px solid var(--rule); }
    .number { text-align: right; }
    dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 20px; margin: 8px 0; font-size: 14px; }
    dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
    """
