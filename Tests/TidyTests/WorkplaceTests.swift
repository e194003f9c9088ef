// What is written here is for everybody: it names no machine, path or tool of those who wrote it.

import Testing

private let words = [
    ["/wo", "rk/"], ["clau", "de"], ["anthro", "pic"], ["open", "ai"], ["chat", "gpt"], ["copi", "lot"],
    ["sub", "agent"], ["co-auth", "ored-by"],
].map { $0.joined() }

@Test func `no file names a tool or a path of a workplace`() {
    let endings = [
        ".swift", ".md", ".sql", ".proto", ".py", ".go", ".rs", ".c", ".h", ".sh", "run", "generate",
        "sanitize",
        "instructions", "demo", "build", ".modulemap",
    ]
    let files =
        SourceTree.files(in: ["Sources", "clients", "Tests", "proto"], endingIn: endings)
        + SourceTree.filesOfRoot
    #expect(files.count > 500)
    var found: [String] = []
    for file in files {
        let text = file.text.lowercased()
        guard words.contains(where: text.contains) else { continue }
        for (number, line) in file.lines.enumerated() {
            let line = line.lowercased()
            for word in words where line.contains(word) {
                found.append("\(file.path):\(number + 1): \(word)")
            }
        }
    }
    expectNone(found)
}
