"""Messages of PostgreSQL's wire protocol, version 3, as far as playing a server back needs to tell them apart."""

import hashlib
import re
import struct

# The startup packet comes without a type; these are its codes for what is no startup.
CANCEL, SSL, GSS = 80877102, 80877103, 80877104


class Splitter:
    """Cuts a byte stream into messages: (type, payload), the startup packet's type being empty."""

    def __init__(self, has_startup):
        self.bytes = bytearray()
        self.has_startup = has_startup

    def feed(self, data):
        self.bytes += data
        while True:
            type_length = 0 if self.has_startup else 1
            if len(self.bytes) < type_length + 4:
                return
            length = struct.unpack_from(">I", self.bytes, type_length)[0]
            end = type_length + length
            if len(self.bytes) < end:
                return
            type, payload = bytes(self.bytes[:type_length]), bytes(self.bytes[type_length + 4:end])
            del self.bytes[:end]
            if not type and struct.unpack_from(">I", payload)[0] not in (SSL, GSS):
                self.has_startup = False
            yield type, payload


def message(type, payload=b""):
    return type + struct.pack(">I", len(payload) + 4) + payload


def text(payload, position=0):
    """The string that begins there, and where it ends."""
    end = payload.index(0, position)
    return payload[position:end].decode(), end + 1


class Parse:
    """A statement that is prepared: its name, its text and the types of its parameters."""

    def __init__(self, payload):
        self.name, position = text(payload)
        self.sql, position = text(payload, position)
        count = struct.unpack_from(">H", payload, position)[0]
        self.types = struct.unpack_from(f">{count}I", payload, position + 2)


class Bind:
    """An execution of a statement, with the values of its parameters."""

    def __init__(self, payload):
        _, position = text(payload)
        self.statement, position = text(payload, position)
        formats = struct.unpack_from(">H", payload, position)[0]
        position += 2 + 2 * formats
        count = struct.unpack_from(">H", payload, position)[0]
        position += 2
        self.values = []
        for _ in range(count):
            length = struct.unpack_from(">i", payload, position)[0]
            position += 4
            self.values.append(payload[position:position + length] if length >= 0 else None)
            position += max(0, length)


def callers(values):
    """For how many callers a statement is executed: the length of its first array with one dimension; 1 without one."""
    for value in values:
        if value is not None and len(value) >= 20:
            dimensions, flags, _, length = struct.unpack_from(">IIII", value)
            if dimensions == 1 and flags <= 1:
                return length
    return 1


def digest(sql):
    """Names a statement by its text, however that is spaced and whichever numbers (locks, digests) are in it."""
    plain = re.sub(r"_[0-9a-f]{8,}|\d{6,}", "#", " ".join(sql.split()))
    return hashlib.sha256(plain.encode()).hexdigest()[:16]


def digest_of_values(values):
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]
