// The reference implementations for comparison: Debian's python3-protobuf and protoc, which proto/generate also
// needs.

import Foundation

/// The output and exit status of a program.
struct ProgramResult {
    let status: Int32
    let output: String
    let errors: String
}

/// The root of the repository.
let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

/// Runs a program to its end. Its output goes to files, so that no pipe can fill up.
func run(_ program: String, _ arguments: [String]) throws -> ProgramResult {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (output, errors) = (folder.appending(path: "output"), folder.appending(path: "errors"))
    try Data().write(to: output)
    try Data().write(to: errors)
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    process.waitUntilExit()
    return ProgramResult(
        status: process.terminationStatus, output: try String(contentsOf: output, encoding: .utf8),
        errors: try String(contentsOf: errors, encoding: .utf8))
}

/// What python3-protobuf makes of a message: its encoding and its JSON of our bytes, and its encoding of our JSON.
struct ReferenceEncoding {
    let bytes: [UInt8]
    let json: String
    let bytesOfJSON: [UInt8]
}

/// Runs messages through python3-protobuf, given the full type name, our bytes and our JSON of each.
func referenceEncodings(_ messages: [(type: String, bytes: [UInt8], json: String)]) throws
    -> [ReferenceEncoding]
{
    let script = """
        import glob, subprocess, sys
        from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
        root, *arguments = sys.argv[1:]
        files = glob.glob(root + "/**/*.proto", recursive=True)
        command = ["protoc", "-I" + root, "--include_imports", "-o/dev/stdout", *files]
        encoded = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(encoded).file:
            pool.Add(file)
        factory = message_factory.MessageFactory(pool)
        for name, bytes_, json in zip(*[iter(arguments)] * 3):
            kind = factory.GetPrototype(pool.FindMessageTypeByName(name))
            message = kind.FromString(bytes.fromhex(bytes_))
            print(message.SerializeToString(deterministic=True).hex())
            print(json_format.MessageToJson(message, including_default_value_fields=True, indent=None,
                                            preserving_proto_field_name=True, ensure_ascii=False))
            print(json_format.Parse(json, kind()).SerializeToString(deterministic=True).hex())
        """
    let arguments = messages.flatMap { [$0.type, hexadecimal($0.bytes), $0.json] }
    let root = repository.appending(path: "proto").path
    let result = try run("/usr/bin/python3", ["-W", "ignore", "-c", script, root] + arguments)
    let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard result.status == 0, lines.count == 3 * messages.count + 1 else {
        throw ReferenceFailure(message: result.errors)
    }
    return messages.indices.map { index in
        ReferenceEncoding(
            bytes: bytes(lines[3 * index]), json: lines[3 * index + 1],
            bytesOfJSON: bytes(lines[3 * index + 2]))
    }
}

/// The error output of the reference implementation.
struct ReferenceFailure: Error {
    let message: String
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { String(format: "%02x", $0) }.joined()
}

private func bytes(_ hexadecimal: String) -> [UInt8] {
    let digits = Array(hexadecimal)
    return stride(from: 0, to: digits.count, by: 2).compactMap {
        UInt8(String(digits[$0...$0 + 1]), radix: 16)
    }
}
