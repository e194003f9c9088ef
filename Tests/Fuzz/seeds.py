#!/usr/bin/env python3
"""Writes the seeds of the fuzzer, one folder a target: well-formed bytes for it to spoil.

They are written from what they mean, so that a reader sees what is tried. Inputs that once broke something are kept as
they were, in regressions/TARGET/."""

import base64
import hashlib
import hmac
import json
import pathlib
import struct
import sys

SECRET = bytes([0x5A]) * 32  # that of the token targets
NOW = 1_795_500_000


def varint(number):
    out = bytearray()
    number &= (1 << 64) - 1
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def pair(key, value):
    return text(5, text(1, key) + text(2, value))


def request(service, method, payload=b"", timeout=None, *pairs):
    out = text(1, service) + text(2, method) + text(3, payload)
    return out + (number(4, timeout) if timeout is not None else b"") + b"".join(pairs)


def frame(stream, body, kind=1, flags=0, length=None):
    return struct.pack(">IIBB", len(body) if length is None else length, stream, kind, flags) + body


HEALTH = "grpc.health.v1.Health"
CHECK = request(HEALTH, "Check")
WATCH = request(HEALTH, "Watch", text(1, ""))
ENVELOPES = {
    "check": CHECK,
    "deadline": request(HEALTH, "Check", b"", 1_000_000_000, pair("authorization", "Bearer x")),
    "deadline-over": request(HEALTH, "Check", b"", -1),
    "deadline-far": request(HEALTH, "Check", b"", (1 << 63) - 1),
    "unknown-method": request(HEALTH, "Nothing"),
    "many-pairs": request(HEALTH, "Check", b"", 0, *[pair("k", "v")] * 65),
    "response": text(2, b"\x08\x01"),
    "status": text(1, number(1, 5) + text(2, "gone") + text(3, text(1, "type.googleapis.com/x") + text(2, b"\0"))),
}
STREAMS = {
    "one": frame(1, CHECK),
    "two": frame(1, CHECK) + frame(3, CHECK),
    "watch": frame(1, WATCH, flags=1),
    "watch-then-data": frame(1, WATCH, flags=1) + frame(1, b"", kind=3, flags=5),
    "same-id-twice": frame(1, WATCH, flags=1) + frame(1, CHECK),
    "even-id": frame(2, CHECK),
    "data-unopened": frame(9, b"x", kind=3) + frame(1, CHECK),
    "data-late": frame(1, CHECK) + frame(1, b"x", kind=3),
    "data-closing-with-bytes": frame(1, WATCH, flags=2) + frame(1, b"x", kind=3, flags=4),
    "response-from-client": frame(1, b"", kind=2) + frame(1, CHECK),
    "unknown-type": frame(1, b"abc", kind=77) + frame(1, CHECK),
    "too-long": frame(1, b"a" * 64, length=5 << 20) + frame(3, CHECK),
    "not-ttrpc": b"GET / HTTP/1.1\r\n\r\n",
    "cut": frame(1, CHECK)[:-3],
}


def http2_frame(kind, stream=0, flags=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value, kind=0):
    return bytes([kind, len(name)]) + name + bytes([len(value)]) + value


HEAD = (b"\x83\x86" + literal(b":path", b"/grpc.health.v1.Health/Check") + literal(b"content-type", b"application/grpc")
        + literal(b"te", b"trailers"))
BLOCKS = {
    "check": HEAD,
    "indexing": HEAD + literal(b"k", b"v", 0x40) + b"\xbe",
    "huffman": b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff",
    "size-update": b"\x20" + HEAD,
    "timeout": HEAD + literal(b"grpc-timeout", b"1S") + literal(b"x-bin", b"YQ"),
}
SETTINGS = http2_frame(4)
CALL = http2_frame(1, 1, 4, HEAD) + http2_frame(0, 1, 1, b"\0\0\0\0\0")
HTTP2_STREAMS = {
    "call": SETTINGS + CALL,
    "watch": SETTINGS + http2_frame(1, 1, 4, HEAD.replace(b"\x1c/grpc.health.v1.Health/Check", b"\x1c/grpc.health.v1.Health/Watch"))
    + http2_frame(0, 1, 1, b"\0\0\0\0\0") + http2_frame(8, 0, 0, b"\0\0\1\0") + http2_frame(3, 1, 0, b"\0\0\0\x08"),
    "small-window": http2_frame(4, 0, 0, b"\0\4\0\0\0\1") + CALL + http2_frame(8, 1, 0, b"\0\0\0\1"),
    "padding": SETTINGS + http2_frame(1, 1, 12, b"\2" + HEAD + b"\0\0") + http2_frame(0, 1, 9, b"\1\0\0\0\0\0\0"),
    "continuation": SETTINGS + http2_frame(1, 1, 1, HEAD[:5]) + http2_frame(9, 1, 4, HEAD[5:]),
    "ping": SETTINGS + http2_frame(6, 0, 0, b"12345678") * 4,
    "cut": SETTINGS + CALL[:-3],
    "too-long": SETTINGS + b"\xff\xff\xff\0\0\0\0\0\1",
}
PREFIXED = {
    "empty": b"\0\0\0\0\0",
    "two": b"\0\0\0\0\1a\1\0\0\0\2bc",
    "too-long": b"\0\0\1\0\0",
    "flag": b"\2\0\0\0\0",
    "cut": b"\0\0\0\0\5abc",
}
WEB = b"POST /grpc.health.v1.Health/Check HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
HTTP1_STREAMS = {
    "json": WEB + b"application/json\r\nContent-Length: 2\r\n\r\n{}" * 2,
    "chunks": WEB + b"application/proto\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\n\x08\r\n1\r\n\x01\r\n0\r\nT: v\r\n\r\n",
    "web": WEB + b"application/grpc-web\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0",
    "text": WEB + b"application/grpc-web-text\r\nContent-Length: 8\r\n\r\nAAAAAAA=",
    "stream": WEB.replace(b"Check", b"Watch") + b"application/connect+json\r\nContent-Length: 7\r\n\r\n\0\0\0\0\2{}",
    "get": b"GET /grpc.health.v1.Health/Check?encoding=json&message=%7B%7D HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "continue": WEB + b"application/json\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    "timeout": WEB + b"application/json\r\nConnect-Timeout-Ms: 5\r\nAccept-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    "smuggled": WEB + b"application/json\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
    "preflight": b"OPTIONS / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a\r\nAccess-Control-Request-Method: POST\r\n\r\n",
}
JSON_REQUESTS = {
    "empty": b"{}",
    "ids": b'{"id":"7","doctorId":3,"doctor_id":3e0,"patientId":-1}',
    "times": b'{"startTime":"2026-12-01T10:00:00Z","end_time":"2026-12-01T10:00:00.5+11:00"}',
    "names": b'{"email":"a@b.c","password":"\\u00e9\\ud83d\\ude00","fullName":null,"role":"ROLE_STAFF","status":2}',
    "mask": b'{"updateMask":"fullName,slotMinutes","doctor":{"id":1}}',
    "lists": b'{"weeklyHours":[{"day":1},{}],"ids":[1,"2"],"pageSize":10}',
    "deep": b"[" * 70,
}
TIMESTAMP = number(1, NOW) + number(2, 500_000_000)
MESSAGES = {
    "empty": b"",
    "id": number(1, 7),
    "book": number(1, 3) + text(2, TIMESTAMP),
    "book-text": number(1, 3) + text(3, "01/12/2026 10:00:00"),
    "nested": text(1, TIMESTAMP) * 2,
    "strings": b"".join(text(field, "é\u0000x") for field in range(1, 9)),
    "numbers": b"".join(number(field, -1) for field in range(1, 12)),
    "unknown": number(900, 1) + text(901, b"x" * 40),
}


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def mac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


def access_token(header=None, **changes):
    key_id = base64url(mac(SECRET, b"clinic key id")[:8]).decode()
    header = header or {"alg": "HS256", "kid": key_id, "typ": "JWT"}
    claims = {
        "iss": "clinic", "aud": "clinic.v1", "sub": "7", "role": "PATIENT", "ver": 1,
        "iat": NOW, "nbf": NOW, "exp": NOW + 900, "jti": "seed", **changes,
    }
    encode = lambda value: base64url(json.dumps(value, separators=(",", ":")).encode())
    signed = encode(header) + b"." + encode(claims)
    return signed + b"." + base64url(mac(SECRET, signed))


def page_token(numbers, data=b""):
    content = bytes([1, len(numbers)]) + b"".join(struct.pack(">q", value) for value in numbers) + data
    message = b"page" + bytes([1]) + struct.pack(">q", 7)
    for part in (b"clinic.v1.BookingService/ListBookings", bytes([1, 2]), content):
        message += struct.pack(">q", len(part)) + part
    key = mac(SECRET, b"clinic page tokens")
    return base64url(content + mac(key, message)[:16])


PROXY = b"\r\n\r\n\x00\r\nQUIT\n"

SEEDS = {
    "frames": {name: bytes([255]) + stream for name, stream in STREAMS.items()},
    "connection": {name: bytes([255]) + stream for name, stream in STREAMS.items()},
    "proxy-header": {
        "ipv4": PROXY + b"\x21\x11\x00\x0c\xc0\x00\x02\x07\x7f\x00\x00\x01\x12\x67\x1c\xf3 rest",
        "ipv6": PROXY + b"\x21\x21\x00\x28" + bytes(range(36)) + b"\x04\x00\x01\x00",
        "local": PROXY + b"\x20\x00\x00\x00",
        "cut": PROXY + b"\x21\x11",
    },
    "envelope": ENVELOPES,
    "http2-frames": {name: bytes([255]) + stream for name, stream in HTTP2_STREAMS.items()},
    "grpc-connection": {name: bytes([255]) + stream for name, stream in HTTP2_STREAMS.items()},
    "header-block": BLOCKS,
    "message-prefix": {name: bytes([255]) + body for name, body in PREFIXED.items()},
    "http1-requests": {name: bytes([255]) + stream for name, stream in HTTP1_STREAMS.items()},
    "http1-connection": {name: bytes([255]) + stream for name, stream in HTTP1_STREAMS.items()},
    "json": {f"{name}-{which}": bytes([which]) + body for name, body in JSON_REQUESTS.items() for which in range(0, 80, 7)},
    "messages": {f"{name}-{which}": bytes([which]) + body for name, body in MESSAGES.items() for which in range(0, 80, 7)},
    "access-token": {
        "good": access_token(),
        "expired": access_token(exp=NOW - 60),
        "none": access_token({"alg": "none"}),
        "escaped": access_token(role="\u00e9"),
    },
    "page-token": {"good": page_token([NOW, 7]), "text": page_token([1], b"abc"), "none": page_token([])},
    "time": {
        "ascii": b"a",
        "marks": "\u0300\u0316".encode(),
        "marks-behind-a-letter": ("a" + "\u0316\u0300" * 40).encode(),
        "jamo": "\u1100\u1161\u11a8".encode(),
        "space": b" ",
        "not-utf-8": b"\xff\xcc",
    },
}

if __name__ == "__main__":
    here, out = pathlib.Path(__file__).parent, pathlib.Path(sys.argv[1])
    for target, seeds in SEEDS.items():
        folder = out / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (folder / f"seed-{name}").write_bytes(data)
        for kept in sorted((here / "regressions" / target).glob("*")):
            (folder / f"regression-{kept.name}").write_bytes(kept.read_bytes())
