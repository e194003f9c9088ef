"""Plays a recording back to the daemon, so that what that does with the answers can be counted without PostgreSQL, the
same in every run."""

import struct

from postgresql_messages import CANCEL, GSS, SSL, Bind, Parse, Splitter, callers, digest, message
from socket_server import Server


class Player(Server):
    """Plays a recording back."""

    def __init__(self, directory, recording):
        self.recording = recording
        # A connection that was asked for so many callers is answered at once.
        self.in_flight = 1
        self.unknown = []
        super().__init__(directory)

    def accept(self):
        connection = self.listener.accept()[0]
        player = PlayedConnection(self)
        self.watch(connection, lambda: self.read(connection, player))

    def read(self, connection, player):
        data = connection.recv(1 << 20)
        if not data:
            return self.forget(connection)
        self.hold(connection, b"".join(player.answer(type, payload) for type, payload in player.splitter.feed(data)))
        if player.callers >= self.in_flight and player.is_complete:
            connection.sendall(self.outgoing.pop(connection))
            player.callers = 0


class PlayedConnection:
    """What the server of one connection knows: the statements that were prepared, and what is executed next."""

    def __init__(self, player):
        self.player = player
        self.splitter = Splitter(has_startup=True)
        self.statements = {}
        self.bound = []
        # For how many callers something was executed since the last answer, and whether that was the end of a group.
        self.callers = 0
        self.is_complete = False
        # Idle, or in a transaction.
        self.transaction = b"I"
        # The process that this connection was told it talks to.
        self.process = 0

    def answer(self, type, payload):
        self.is_complete = type in (b"", b"S", b"Q")
        match type:
            case b"":
                return self.greet(payload)
            case b"P":
                parse = Parse(payload)
                self.statements[parse.name] = parse.sql
                return message(b"1")
            case b"B":
                bind = Bind(payload)
                self.bound = self.find(self.statements[bind.statement], callers(bind.values), bind.values)
                return message(b"2")
            case b"D":
                return b"".join(part for part in self.bound if part[:1] in b"Tn")
            case b"E":
                return b"".join(part for part in self.bound if part[:1] not in b"Tn")
            case b"S":
                return message(b"Z", self.transaction)
            case b"Q":
                return b"".join(self.find(payload[:-1].decode(), 1, [])) + message(b"Z", self.transaction)
            case b"C":
                return message(b"3")
            case _:
                return b""

    def greet(self, payload):
        code = struct.unpack_from(">I", payload)[0]
        if code in (SSL, GSS, CANCEL):
            return b"" if code == CANCEL else b"N"
        greeting = self.player.recording.greetings.get(digest(payload.decode()))
        if not greeting:
            self.player.unknown.append(f"a connection: {payload[4:].decode()}")
            return message(b"E", b"SFATAL\0VFATAL\0C0A000\0Mnot recorded\0\0")
        # BackendKeyData, the one message of its type and length.
        key = greeting.find(b"K" + struct.pack(">I", 12))
        self.process = struct.unpack_from(">I", greeting, key + 5)[0]
        return greeting

    def find(self, sql, count, values):
        self.callers += count
        if sql == "SELECT pg_catalog.pg_backend_pid()::bigint":
            # Every connection was recorded with another one; a different number would mean a pooler in between.
            described = [part for part in self.player.recording.answer(sql, count, values) if part[:1] == b"T"]
            return described + [
                message(b"D", struct.pack(">hiq", 1, 8, self.process)), message(b"C", b"SELECT 1\0")]
        self.transaction = {"BEGIN": b"T", "COMMIT": b"I", "ROLLBACK": b"I"}.get(sql, self.transaction)
        messages = self.player.recording.answer(sql, count, values)
        if messages is None:
            self.player.unknown.append(f"{' '.join(sql.split())[:200]} (for {count})")
            return [message(b"E", b"SERROR\0VERROR\0C0A000\0Mnot recorded\0\0")]
        return messages
