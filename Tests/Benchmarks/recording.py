"""What PostgreSQL answered to the daemon's statements, recorded by a proxy and played back by a server that knows nothing
else. A statement is found again by its text and the number of callers that share it. So what the daemon does with the answers can be counted without PostgreSQL, the same in every run."""

import base64
import collections
import json
import os
import selectors
import socket
import struct
import threading

from postgresql_messages import CANCEL, GSS, SSL, Bind, Parse, Splitter, callers, digest, digest_of_values, message

# An answer is held back until nothing was asked for so long: by then all calls of a read wait for a connection, so the
# daemon forms the same batches in every run.
PAUSE = 0.05


class Recording:
    """Answers by statement, number of callers and values."""

    # What was asked with more values than these is answered alike whatever they are: calls. With fewer the values
    # matter: what the daemon asks when it starts.
    MOST_VALUES = 40
    ANY = ""

    def __init__(self):
        # What a connection is greeted with, by the digest of its startup packet.
        self.greetings = {}
        # What the calls named: the booking, the doctor and the patient.
        self.names = {}
        self.answers = {}
        self.openings = {}

    def add(self, sql, count, values, messages):
        name = digest(sql)
        self.openings[name] = " ".join(sql.split())[:60]
        answers = self.answers.setdefault((name, count), {})
        answers[digest_of_values(values)] = answers[self.ANY] = messages

    def answer(self, sql, count, values):
        """The messages that answer so many callers, or those of more callers cut down; None if there are none."""
        name = digest(sql)
        if answers := self.answers.get((name, count)):
            return answers.get(digest_of_values(values), answers[self.ANY])
        larger = min((number for other, number in self.answers if other == name and number > count), default=None)
        if larger is None:
            return None
        messages = self.answers[name, larger][self.ANY]
        rows = [part for part in messages if part[:1] == b"D"]
        others = [part for part in messages if part[:1] not in b"DC"]
        if len(rows) != larger:
            return None
        return others + rows[:count] + [message(b"C", f"SELECT {count}\0".encode())]

    def save(self, path):
        entries = [
            {"statement": name, "opening": self.openings[name], "callers": count, "values": values,
             "answer": [base64.b64encode(part).decode() for part in messages]}
            for (name, count), answers in sorted(self.answers.items()) for values, messages in sorted(answers.items())
            if values == self.ANY or 2 < len(answers) <= self.MOST_VALUES]
        with open(path, "w", encoding="utf-8") as file:
            greetings = {startup: base64.b64encode(greeting).decode() for startup, greeting in self.greetings.items()}
            json.dump({"names": self.names, "greetings": greetings, "answers": entries}, file, indent=1)
            file.write("\n")

    @staticmethod
    def load(path):
        recording = Recording()
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        recording.names = content["names"]
        recording.greetings = {startup: base64.b64decode(greeting) for startup, greeting in content["greetings"].items()}
        for entry in content["answers"]:
            answers = recording.answers.setdefault((entry["statement"], entry["callers"]), {})
            answers[entry["values"]] = [base64.b64decode(part) for part in entry["answer"]]
        return recording


class Server:
    """A server on a Unix socket where libpq looks for one; each connection is a `connection_type`."""

    def __init__(self, directory):
        self.directory = directory
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(directory, ".s.PGSQL.5432"))
        os.chmod(os.path.join(directory, ".s.PGSQL.5432"), 0o777)
        self.listener.listen(64)
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        self.is_running = True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"postgresql://clinic@/clinic?host={self.directory}&port=5432"

    def run(self):
        while self.is_running:
            events = self.selector.select(PAUSE)
            for key, _ in events:
                key.data()
            if not events:
                self.rest()

    def close(self):
        self.is_running = False
        self.thread.join()
        self.listener.close()

    def watch(self, connection, action):
        self.selector.register(connection, selectors.EVENT_READ, action)

    def forget(self, *connections):
        for connection in connections:
            self.selector.unregister(connection)
            connection.close()


class Player(Server):
    """Plays a recording back."""

    def __init__(self, directory, recording):
        self.recording = recording
        # A connection that was asked for so many callers is answered at once.
        self.in_flight = 1
        self.outgoing = {}
        self.unknown = []
        super().__init__(directory)

    def accept(self):
        connection = self.listener.accept()[0]
        player = PlayedConnection(self)
        self.watch(connection, lambda: self.read(connection, player))

    def read(self, connection, player):
        data = connection.recv(1 << 20)
        if not data:
            self.outgoing.pop(connection, None)
            return self.forget(connection)
        answer = b"".join(player.answer(type, payload) for type, payload in player.splitter.feed(data))
        self.outgoing[connection] = self.outgoing.get(connection, b"") + answer
        if player.callers >= self.in_flight and player.is_complete:
            connection.sendall(self.outgoing.pop(connection))
            player.callers = 0

    def rest(self):
        """Answers what was asked, now that nothing more comes."""
        for connection, answer in self.outgoing.items():
            connection.sendall(answer)
        self.outgoing.clear()


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
                return message(b"Z", b"I")
            case b"Q":
                return b"".join(self.find(payload[:-1].decode(), 1, [])) + message(b"Z", b"I")
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
        return greeting

    def find(self, sql, count, values):
        self.callers += count
        messages = self.player.recording.answer(sql, count, values)
        if messages is None:
            self.player.unknown.append(f"{' '.join(sql.split())[:200]} (for {count})")
            return [message(b"E", b"SERROR\0VERROR\0C0A000\0Mnot recorded\0\0")]
        return messages


class Recorder(Server):
    """A proxy in front of a real server that keeps what that answers."""

    def __init__(self, directory, server_socket):
        self.server_socket = server_socket
        self.outgoing = {}
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
            self.outgoing[client] = self.outgoing.get(client, b"") + data

    def read(self, client, server, source):
        data = source.recv(1 << 20)
        if not data:
            self.outgoing.pop(client, None)
            self.forget(client, server)
        return data

    def rest(self):
        for client, answer in self.outgoing.items():
            client.sendall(answer)
        self.outgoing.clear()


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
