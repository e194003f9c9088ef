"""Peers that want no good, on raw sockets: hostile.py DIRECTORY-OF-STUBS tcp:HOST:PORT. Each ends as it should, and the server goes on."""

import socket
import struct
import sys
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
ENHANCE_YOUR_CALM, PROTOCOL_ERROR, COMPRESSION_ERROR, FRAME_SIZE_ERROR = 11, 1, 9, 6


def frame(kind, stream=0, flags=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def text(value):
    assert len(value) < 127
    return bytes([len(value)]) + value


def block(path=b"/grpc.health.v1.Health/Check", extra=()):
    fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b"content-type", b"application/grpc"),
              (b"te", b"trailers"), *extra]
    return b"".join(b"\0" + text(name) + text(value) for name, value in fields)


CHECK = b"\0\0\0\0\0"


class Peer:
    def __init__(self, address, settings=b""):
        host, _, port = address.removeprefix("tcp:").rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.rest = b""
        self.send(PREFACE + frame(SETTINGS, payload=settings))

    def send(self, data):
        """Sends as far as the server takes it; false when it has closed."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def frames(self, limit=20):
        """The frames until the server closes."""
        self.socket.settimeout(limit)
        while True:
            while len(self.rest) >= 9:
                length = int.from_bytes(self.rest[:3], "big")
                if len(self.rest) < 9 + length:
                    break
                kind, flags = self.rest[3], self.rest[4]
                stream = struct.unpack(">I", self.rest[5:9])[0]
                payload, self.rest = self.rest[9:9 + length], self.rest[9 + length:]
                yield kind, flags, stream, payload
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                return
            if not data:
                return
            self.rest += data

    def until(self, kind, stream=None):
        for found in self.frames():
            if found[0] == kind and stream in (None, found[2]):
                return found
        raise SystemExit(f"wrong: the server closed before a frame {kind}")

    def goaway(self):
        """The code with which the server ends the connection, and the last stream that it names."""
        last = None
        for kind, _, _, payload in self.frames():
            if kind == GOAWAY:
                last = struct.unpack(">II", payload[:8])
        if last is None:
            raise SystemExit("wrong: the server closed without GOAWAY")
        return last[1], last[0]


def flood(address, make, count=20000):
    """Sends frames until the server ends the connection; returns how."""
    peer = Peer(address)
    for number in range(0, count, 50):
        if not peer.send(b"".join(make(number + part) for part in range(50))):
            break
    return peer.goaway()[0]


def expect(name, found, wanted):
    if found != wanted:
        raise SystemExit(f"wrong: {name}: {found} and not {wanted}")
    print(name, flush=True)


def check(address):
    peer = Peer(address)
    peer.send(frame(HEADERS, 1, 4, block()) + frame(DATA, 1, 1, CHECK))
    trailers = next(found for found in peer.frames() if found[0] == HEADERS and found[1] & 1)
    assert b"grpc-status\x010" in trailers[3], trailers
    peer.socket.close()


def main(address):
    check(address)
    expect("rapid reset", flood(address, lambda n: frame(HEADERS, 2 * n + 1, 4, block())
                                + frame(RESET, 2 * n + 1, 0, b"\0\0\0\x08")), ENHANCE_YOUR_CALM)
    expect("empty DATA", flood(address, lambda n: (frame(HEADERS, 1, 4, block()) if n == 0 else b"")
                               + frame(DATA, 1)), ENHANCE_YOUR_CALM)
    expect("PING", flood(address, lambda n: frame(PING, payload=b"12345678")), ENHANCE_YOUR_CALM)
    expect("SETTINGS", flood(address, lambda n: frame(SETTINGS)), ENHANCE_YOUR_CALM)
    expect("PRIORITY", flood(address, lambda n: frame(PRIORITY, 2 * n + 1, 0, b"\0\0\0\0\1")), ENHANCE_YOUR_CALM)
    expect("WINDOW_UPDATE", flood(address, lambda n: frame(WINDOW, payload=b"\0\0\0\1")), ENHANCE_YOUR_CALM)
    expect("unknown frames", flood(address, lambda n: frame(0x40)), ENHANCE_YOUR_CALM)
    expect("CONTINUATION", flood(address, lambda n: frame(HEADERS, 1, 0, block()) if n == 0
                                 else frame(CONTINUATION, 1, 0, b"")), ENHANCE_YOUR_CALM)
    # An entry of 3 KB in the table, and a thousand fields of one byte each that name it.
    bomb = block() + b"\x40\1k" + b"\x7f\xb9\x16" + b"v" * 3000 + b"\xbe" * 1000
    peer = Peer(address)
    peer.send(frame(HEADERS, 1, 4, bomb))
    expect("HPACK bomb", peer.goaway()[0], ENHANCE_YOUR_CALM)
    peer = Peer(address)
    peer.send(frame(HEADERS, 1, 4, b"\x40"))
    expect("broken HPACK", peer.goaway()[0], COMPRESSION_ERROR)
    peer = Peer(address)
    peer.send(frame(PING, payload=b"1"))
    expect("short PING", peer.goaway()[0], FRAME_SIZE_ERROR)

    # More streams than announced: those beyond are refused, and the others are answered.
    peer = Peer(address)
    peer.send(b"".join(frame(HEADERS, 2 * n + 1, 4, block()) for n in range(200)))
    peer.send(b"".join(frame(DATA, 2 * n + 1, 1, CHECK) for n in range(200)))
    refused, answered = 0, 0
    for kind, flags, stream, payload in peer.frames():
        if kind == RESET:
            assert payload == b"\0\0\0\7", payload
            refused += 1
        if kind == HEADERS and flags & 1:
            answered += 1
        if refused + answered == 200:
            break
    expect("streams beyond the limit", (refused, answered), (72, 128))

    # Windows of one byte get an answer byte by byte.
    peer = Peer(address, settings=struct.pack(">HI", 4, 1))
    peer.send(frame(HEADERS, 1, 4, block()) + frame(DATA, 1, 1, CHECK))
    body = b""
    for kind, flags, stream, payload in peer.frames():
        if kind == DATA:
            assert len(payload) == 1, payload
            body += payload
            peer.send(frame(WINDOW, 1, 0, b"\0\0\0\1"))
        if kind == HEADERS and flags & 1:
            break
    expect("windows of one byte", body, b"\0\0\0\0\2\x08\1")

    # A client that leaves in every state costs nothing later.
    whole = PREFACE + frame(SETTINGS) + frame(HEADERS, 1, 4, block()) + frame(DATA, 1, 1, CHECK)
    for end in range(1, len(whole), 7):
        host, _, port = address.removeprefix("tcp:").rpartition(":")
        with socket.create_connection((host, int(port)), timeout=20) as leaving:
            leaving.sendall(whole[:end])
    print("clients that leave", flush=True)

    # HTTP, but no gRPC.
    peer = Peer(address)
    peer.send(frame(HEADERS, 1, 5, b"\x82\x86\x84\x01\x09localhost"))
    status = peer.until(HEADERS, 1)[3]
    expect("GET gets a status of HTTP", b"405" in status, True)
    with socket.create_connection((host, int(port)), timeout=20) as stranger:
        stranger.sendall(b"\x16\x03\x01\x02\x00\x01")
        try:
            answer = stranger.recv(100)
        except ConnectionResetError:
            answer = b""
        expect("another protocol is closed", answer, b"")
    with socket.create_connection((host, int(port)), timeout=20) as stranger:
        stranger.sendall(b"POST / HTTP/1.1\r\nHost: clinic\r\nContent-Type: application/grpc\r\n\r\n")
        expect("gRPC over HTTP/1.1 is told", stranger.recv(100)[:13], b"HTTP/1.1 505 ")
    with socket.create_connection((host, int(port)), timeout=20) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\nHost: clinic\r\n\r\n")
        expect("a name that nobody gave is told", stranger.recv(100)[:13], b"HTTP/1.1 421 ")
    check(address)
    print("the server goes on")


main(sys.argv[2])
