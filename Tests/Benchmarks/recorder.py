"""A proxy between the daemon and a real PostgreSQL that records what the latter answers."""

import collections
import socket

from postgresql_messages import Bind, Parse, Splitter, callers, digest, message
from recording import Recording
from socket_server import Server


class Recorder(Server):
    """A proxy in front of a real server that keeps what that answers."""

    def __init__(self, directory, server_socket):
        self.server_socket = server_socket
        self.recording = Recording()
        super().__init__(directory)

    def accept(self):
        client, server = self.listener.accept()[0], socket.socket(socket.AF_UNIX)
        server.connect(self.server_socket)
        recorded = RecordedConnection(self.recording)
        self.watch(client, lambda: self.ask(client, server, recorded))
        self.watch(server, lambda: self.answer(client, server, recorded))

    def ask(self, client, server, recorded):
        if data := self.read(client, server, client):
            recorded.asked(data)
            server.sendall(data)

    def answer(self, client, server, recorded):
        if data := self.read(client, server, server):
            recorded.answered(data)
            self.hold(client, data)

    def read(self, client, server, source):
        data = source.recv(1 << 20)
        if not data:
            self.forget(client, server)
        return data


class RecordedConnection:
    """Pairs the answers of one connection with what was asked."""

    def __init__(self, recording):
        self.recording = recording
        self.asking = Splitter(has_startup=True)
        self.answering = Splitter(has_startup=False)
        self.statements = {}
        # What is still to be answered: (type, SQL, number of callers, values).
        self.expected = collections.deque()
        self.messages = []
        self.startup = ""
        self.greeting = []

    def asked(self, data):
        for type, payload in self.asking.feed(data):
            match type:
                case b"":
                    self.startup = digest(payload.decode())
                    self.expected.append((b"", "", 1, []))
                case b"P":
                    parse = Parse(payload)
                    self.statements[parse.name] = parse.sql
                case b"B":
                    bind = Bind(payload)
                    self.expected.append((b"E", self.statements[bind.statement], callers(bind.values), bind.values))
                case b"S":
                    self.expected.append((b"S", "", 1, []))
                case b"Q":
                    self.expected.append((b"Q", payload[:-1].decode(), 1, []))

    def answered(self, data):
        for type, payload in self.answering.feed(data):
            if not self.expected:
                continue
            kind, sql, count, values = self.expected[0]
            if type == b"Z":
                self.end(kind, sql, payload)
            elif kind == b"":
                self.greeting.append(message(type, payload))
            elif type in b"TnDCIEs":
                self.messages.append(message(type, payload))
                if kind == b"E" and type in b"CIs":
                    self.add(sql, count, values)
                    self.expected.popleft()

    def add(self, sql, count, values):
        self.recording.add(sql, count, values, self.messages)
        self.messages = []
        # It is compared with the number of the process that the greeting told.
        if "pg_backend_pid()" in sql:
            self.recording.greetings[self.startup] = b"".join(self.greeting)

    def end(self, kind, sql, payload):
        if kind == b"":
            self.greeting.append(message(b"Z", payload))
            self.recording.greetings.setdefault(self.startup, b"".join(self.greeting))
            self.expected.popleft()
            return
        if kind == b"Q":
            self.add(sql, 1, [])
        # An error skips what follows until the end of its group.
        while self.expected.popleft()[0] == b"E":
            pass
        self.messages = []
