// Checks the frames of proto/vectors against python3-protobuf, an implementation independent of ours, because
// clients in other languages test against them.

import Foundation
import Testing

@Test func `python3-protobuf agrees with the wire vectors`() throws {
    let script = """
        import base64, json, struct, subprocess, sys
        from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory
        root = sys.argv[1]
        command = ["protoc", "-I" + root, "--include_imports", "-o/dev/stdout", "ttrpc/request.proto"]
        encoded = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(encoded).file:
            pool.Add(file)
        factory = message_factory.MessageFactory(pool)

        def fill(target, fields):
            for name, value in fields.items():
                field = target.DESCRIPTOR.fields_by_name[name]
                if field.label == field.LABEL_REPEATED:
                    for item in value:
                        fill(getattr(target, name).add(), item)
                elif field.message_type:
                    getattr(target, name).SetInParent()
                    fill(getattr(target, name), value)
                elif field.type == field.TYPE_BYTES:
                    setattr(target, name, base64.b64decode(value))
                else:
                    setattr(target, name, value if field.type == field.TYPE_STRING else int(value))

        def wrong(vector):
            frame = bytes.fromhex(vector["hex"])
            header = dict(zip(("length", "stream_id", "type", "flags"), struct.unpack(">IIBB", frame[:10])))
            if header != vector["header"]:
                return "header"
            if vector.get("body_left_out"):
                return len(frame) != 10 and "length"
            if len(frame) != 10 + header["length"]:
                return "length"
            if "message" not in vector:
                return None
            kind = factory.GetPrototype(pool.FindMessageTypeByName(vector["message"]))
            try:
                read = kind.FromString(frame[10:])
            except message.DecodeError:
                return not vector.get("malformed") and "refused"
            if vector.get("malformed"):
                return "accepted"
            read.DiscardUnknownFields()
            wanted = kind()
            fill(wanted, vector["fields"])
            if read.SerializeToString(deterministic=True) != wanted.SerializeToString(deterministic=True):
                return "fields"
            return vector["canonical"] and wanted.SerializeToString(deterministic=True) != frame[10:] and "bytes"

        vectors = json.load(open(root + "/vectors/frames.json", encoding="utf-8"))["vectors"]
        for vector in vectors:
            problem = wrong(vector)
            if problem:
                print(problem + ": " + vector["name"])
        print(len(vectors))
        """
    let root = repository.appending(path: "proto").path
    let result = try run("/usr/bin/python3", ["-W", "ignore", "-c", script, root])
    #expect(result.status == 0, "\(result.errors)")
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 1, "\(result.output)")
    #expect(lines.first.flatMap { Int($0) } ?? 0 > 40)
}
