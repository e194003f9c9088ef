"""PostgreSQL servers as an operator runs them: a primary, standbys that follow it, and what becomes of them."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time


def programs():
    """The directory of the newest PostgreSQL of Debian."""
    root = "/usr/lib/postgresql"
    return os.path.join(root, max(os.listdir(root), key=int), "bin")


def as_postgres(command):
    """A command as it is run by a user that PostgreSQL accepts."""
    if os.geteuid():
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--", *command]


def execute(*command, check=True):
    """Runs a command to its end; what it printed. Its output goes to a file, since a server that it starts keeps it open."""
    with tempfile.TemporaryFile() as output:
        ended = subprocess.run(as_postgres(list(command)), cwd="/", stdin=subprocess.DEVNULL, stdout=output,
                               stderr=subprocess.STDOUT, check=False)
        output.seek(0)
        text = output.read().decode(errors="replace").strip()
    if check and ended.returncode:
        raise SystemExit(f"cluster-test: {command[0]} failed: {text}")
    return text


class Server:
    """A server in a directory, which is also that of its socket."""

    def __init__(self, scene, name):
        self.name = name
        self.path = os.path.join(scene, name)
        self.data = os.path.join(self.path, "data")

    def make(self):
        """Makes a primary with the role and the database of the clinic."""
        self._clear()
        self._program("initdb", "--no-sync", "--data-checksums", "--auth=trust", "--username=postgres", "-E", "UTF8",
                      "--locale=C.UTF-8", "-D", self.data)
        self.configure(wal_keep_size="1GB", max_connections="200", wal_log_hints="on")
        self.start()
        self.ask("CREATE ROLE clinic LOGIN", database="postgres")
        self.ask("CREATE DATABASE clinic OWNER clinic TEMPLATE template0", database="postgres")
        return self

    def follow(self, primary):
        """Makes a standby of the primary and waits until it streams."""
        self._clear()
        self._program("pg_basebackup", "--no-sync", "--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf",
                      "-h", primary.path, "-U", "postgres", "-D", self.data)
        self.start()
        until("the standby streams", lambda: primary.ask("SELECT count(*) FROM pg_stat_replication") == "1")
        return self

    def configure(self, **settings):
        """Adds settings, which count from the next start."""
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def set(self, name, value):
        """Changes a setting of the running server, here and not on its standbys."""
        self.ask(f"ALTER SYSTEM SET {name} = '{value}'", database="postgres")
        self.ask("SELECT pg_reload_conf()")
        until(f"{name} is {value}", lambda: self.ask(f"SHOW {name}") == value)

    def start(self, wait=True):
        self._program("pg_ctl", "-w" if wait else "-W", "-t", "120", "-D", self.data, "-l", os.path.join(self.path, "log"),
                      "-o", f"-c listen_addresses= -c unix_socket_directories={self.path}", "start")

    def stop(self, mode="fast"):
        self._program("pg_ctl", "-w", "-D", self.data, "-m", mode, "stop", check=False)

    def promote(self):
        self._program("pg_ctl", "-w", "-D", self.data, "promote")

    @property
    def processes(self):
        """The postmaster and what it has started."""
        with open(os.path.join(self.data, "postmaster.pid"), encoding="utf-8") as file:
            postmaster = int(file.readline())
        children = subprocess.run(["pgrep", "-P", str(postmaster)], text=True, stdout=subprocess.PIPE, check=False).stdout
        return [postmaster, *map(int, children.split())]

    def kill(self):
        """What a power cut does: all processes are gone at once."""
        for process in self.processes:
            os.kill(process, signal.SIGKILL)

    def ask(self, query, database="clinic", check=True):
        """The rows of a query, one a line, as the superuser."""
        return self._program("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.path, "-U", "postgres", "-d", database,
                             "-c", query, check=check)

    def _program(self, name, *arguments, check=True):
        return execute(os.path.join(programs(), name), *arguments, check=check)

    def _clear(self):
        shutil.rmtree(self.path, ignore_errors=True)
        os.makedirs(self.path)
        if not os.geteuid():
            user = pwd.getpwnam("postgres")
            os.chown(self.path, user.pw_uid, user.pw_gid)


def url(*servers, parameters=""):
    """The database of these servers, in their order."""
    return f"postgresql://clinic@/clinic?host={','.join(server.path for server in servers)}{parameters}"


def until(what, condition, seconds=60):
    """Waits until it is so; how long that took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > seconds:
            raise SystemExit(f"cluster-test: waited {seconds} s in vain: {what}")
        time.sleep(0.05)
    return time.monotonic() - began
