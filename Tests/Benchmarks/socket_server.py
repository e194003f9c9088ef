"""A server on a Unix socket where libpq looks for PostgreSQL."""

import os
import selectors
import socket
import threading

# An answer is held back until nothing was asked for so long: by then all calls of a read wait for a connection, so the
# daemon forms the same batches in every run.
PAUSE = 0.05


class Server:
    """Accepts connections and holds what it is to send back. A subclass says how it accepts a connection."""

    def __init__(self, directory):
        self.directory = directory
        self.outgoing = {}
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
                # An action before it may have closed this one.
                if key.fileobj.fileno() >= 0:
                    key.data()
            if not events:
                self.send_held()

    def hold(self, connection, answer):
        self.outgoing[connection] = self.outgoing.get(connection, b"") + answer

    def send_held(self):
        for connection, answer in self.outgoing.items():
            connection.sendall(answer)
        self.outgoing.clear()

    def close(self):
        self.is_running = False
        self.thread.join()
        self.listener.close()

    def watch(self, connection, action):
        self.selector.register(connection, selectors.EVENT_READ, action)

    def forget(self, *connections):
        for connection in connections:
            self.outgoing.pop(connection, None)
            self.selector.unregister(connection)
            connection.close()
