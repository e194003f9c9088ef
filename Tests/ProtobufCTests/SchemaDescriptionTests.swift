// The schema description agrees with protoc.

import ClinicMessages
import Foundation
import ProtobufC
import RPCMessages
import TestMessages
import Testing

/// One line for each field and enumeration value of a type and of the types it contains.
private func lines(_ message: MessageDescriptor, _ known: inout Set<String>) -> Set<String> {
    guard known.insert(message.name).inserted else { return [] }
    var result: Set<String> = []
    for field in message.fieldDescriptions {
        let type: String
        switch field.kind {
        case .scalar(let name): type = name
        case .message(let part):
            type = part.name
            result.formUnion(lines(part, &known))
        case .enumeration(let enumeration):
            type = enumeration.name
            result.formUnion(enumeration.values.map { "\(enumeration.name) \($0.name) \($0.number)" })
        }
        let repetition = field.isRepeated ? "repeated" : field.isOptional ? "optional" : "single"
        result.insert(
            "\(message.name) \(field.name) \(field.number) \(type) \(repetition) \(field.oneof ?? "-")")
    }
    return result
}

@Test func `fields, numbers, types, oneofs and enumerations agree with protoc`() throws {
    let script = """
        import glob, subprocess, sys
        from google.protobuf import descriptor_pb2
        root = sys.argv[1]
        files = glob.glob(root + "/**/*.proto", recursive=True)
        command = ["protoc", "-I" + root, "--include_imports", "-o/dev/stdout", *files]
        encoded = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout

        def show(scope, message):
            name = scope + "." + message.name
            for field in message.field:
                kind = field.type_name[1:] or field.Type.Name(field.type)[5:].lower()
                optional = "optional" if field.proto3_optional else "single"
                repetition = "repeated" if field.label == field.LABEL_REPEATED else optional
                in_oneof = field.HasField("oneof_index") and not field.proto3_optional
                oneof = message.oneof_decl[field.oneof_index].name if in_oneof else "-"
                print(name, field.name, field.number, kind, repetition, oneof)
            for part in message.nested_type:
                show(name, part)
            for enum in message.enum_type:
                values(name, enum)

        def values(scope, enum):
            for value in enum.value:
                print(scope + "." + enum.name, value.name, value.number)

        for file in descriptor_pb2.FileDescriptorSet.FromString(encoded).file:
            for message in file.message_type:
                show(file.package, message)
            for enum in file.enum_type:
                values(file.package, enum)
        """
    let result = try run(
        "/usr/bin/python3", ["-W", "ignore", "-c", script, repository.appending(path: "proto").path])
    let theirs = Set(result.output.split(separator: "\n").map(String.init))
    #expect(result.status == 0, "\(result.errors)")

    var known: Set<String> = []
    var ours = lines(EveryType.descriptor, &known)
    for method in (ClinicMessages.allServices + RPCMessages.allServices).flatMap(\.methods) {
        for message in [method.request, method.response] { ours.formUnion(lines(message, &known)) }
    }
    #expect(ours.subtracting(theirs).isEmpty)
    // Nothing is missing from the types that our description contains.
    let missing = theirs.subtracting(ours).filter { line in
        known.contains(String(line.prefix { $0 != " " }))
    }
    #expect(missing.isEmpty)
    #expect(ours.count > 300)
}
