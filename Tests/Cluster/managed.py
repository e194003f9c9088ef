"""Patroni with three etcd, and HAProxy in front, run with the configurations that clinicd ships."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

from clinic import ROOT, report
from daemon import Callers, Daemon
from servers import as_postgres, execute, programs, until

PACKAGING = os.path.join(ROOT, "Sources", "clinicd", "Packaging")
ETCD = (24_791, 24_793, 24_795)
NODES = {"one": (25_431, 28_081), "two": (25_432, 28_082)}
BALANCED = 25_430
TTL = 20


class Managed:
    """Two nodes of Patroni, three of etcd and HAProxy, each a process with a session of its own."""

    def __init__(self, scene):
        self.scene = scene
        self.processes = {}

    def __enter__(self):
        cluster = ",".join(f"e{port}=http://127.0.0.1:{port + 1}" for port in ETCD)
        for port in ETCD:
            peer, address = f"http://127.0.0.1:{port + 1}", f"http://127.0.0.1:{port}"
            self._run(f"etcd-{port}", ["etcd", "--name", f"e{port}", "--data-dir", os.path.join(self.scene, f"etcd-{port}"),
                                       "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                                       "--listen-client-urls", address, "--advertise-client-urls", address,
                                       "--initial-cluster", cluster, "--unsafe-no-fsync"])
        for node in NODES:
            self.start(node)
            until(f"node {node} runs", lambda at=node: self.role(at) is not None, 90)
        until("a synchronous standby", lambda: self.role("two", "/synchronous") or self.role("one", "/synchronous"), 90)
        node = self.leader()
        self.ask(node, "CREATE ROLE clinic LOGIN PASSWORD 'clinic'", database="postgres")
        self.ask(node, "CREATE DATABASE clinic OWNER clinic TEMPLATE template0", database="postgres")
        nodes = {f"PATRONI_{name.upper()}_{key}": value for name, (port, rest) in NODES.items() for key, value in (
            ("POSTGRESQL", f"127.0.0.1:{port}"), ("HOST", "127.0.0.1"), ("REST_PORT", str(rest)))}
        self._run("haproxy", ["haproxy", "-f", os.path.join(PACKAGING, "haproxy.cfg")],
                  {"CLINIC_DATABASE_ADDRESS": f"127.0.0.1:{BALANCED}", **nodes})
        return self

    def __exit__(self, *_):
        for name in reversed(list(self.processes)):
            self.kill(name)

    def start(self, node):
        """Starts Patroni on a node, which starts PostgreSQL."""
        port, rest = NODES[node]
        path = os.path.join(self.scene, node)
        os.makedirs(path, exist_ok=True)
        shutil.copy(os.path.join(PACKAGING, "patroni.yml"), path)
        if not os.geteuid():
            user = pwd.getpwnam("postgres")
            os.chown(path, user.pw_uid, user.pw_gid)
        self._run(node, as_postgres(["patroni", path + "/patroni.yml"]), {
            "PATRONI_NAME": node, "PATRONI_ETCD3_HOSTS": ",".join(f"127.0.0.1:{port}" for port in ETCD),
            "PATRONI_RESTAPI_LISTEN": f"127.0.0.1:{rest}", "PATRONI_RESTAPI_CONNECT_ADDRESS": f"127.0.0.1:{rest}",
            "PATRONI_POSTGRESQL_LISTEN": f"127.0.0.1:{port}", "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"127.0.0.1:{port}",
            "PATRONI_POSTGRESQL_DATA_DIR": path + "/data", "PATRONI_POSTGRESQL_BIN_DIR": programs(),
            "PATRONI_SUPERUSER_PASSWORD": "secret", "PATRONI_REPLICATION_PASSWORD": "secret",
            "PATRONI_POSTGRESQL_PGPASS": path + "/pgpass"})

    def role(self, node, path="/patroni"):
        """What the REST interface of a node says; nil without an answer of success."""
        with contextlib.suppress(OSError, urllib.error.HTTPError):
            with urllib.request.urlopen(f"http://127.0.0.1:{NODES[node][1]}{path}", timeout=2) as answer:
                return json.load(answer)["role"]
        return None

    def leader(self):
        found = []
        until("a leader", lambda: found.extend(node for node in NODES if self.role(node, "/primary")) or found)
        return found[0]

    def ask(self, node, query, database="clinic"):
        return execute("env", "PGPASSWORD=secret", os.path.join(programs(), "psql"), "-XAtq", "-h", "127.0.0.1", "-p",
                       str(NODES[node][0]), "-U", "postgres", "-d", database, "-c", query)

    def switch(self):
        """Has the standby become the primary, as an operator would."""
        leader = self.leader()
        other = next(node for node in NODES if node != leader)
        execute("env", "PATRONI_ETCD3_HOSTS=" + ",".join(f"127.0.0.1:{port}" for port in ETCD), "patronictl", "-c",
                os.path.join(self.scene, leader, "patroni.yml"), "switchover", "clinic", "--master", leader, "--candidate",
                other, "--force")
        return other

    def members(self, node):
        """The processes of a node: Patroni, PostgreSQL and what they started."""
        found, new = [], [self.processes[node].pid]
        with contextlib.suppress(OSError):
            with open(os.path.join(self.scene, node, "data", "postmaster.pid"), encoding="utf-8") as file:
                new.append(int(file.readline()))
        while new:
            found += new
            children = subprocess.run(["pgrep", "-P", ",".join(map(str, new))], text=True, stdout=subprocess.PIPE, check=False)
            new = [int(line) for line in children.stdout.split() if int(line) not in found]
        return found

    def signal(self, node, number):
        for process in self.members(node):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    def kill(self, name):
        if name in NODES:
            self.signal(name, signal.SIGKILL)
        self.processes[name].kill()
        self.processes[name].wait()

    def _run(self, name, command, environment=None):
        log = open(os.path.join(self.scene, name + ".log"), "a", encoding="utf-8")
        self.processes[name] = subprocess.Popen(command, cwd="/", env={**os.environ, **(environment or {})}, stdout=log,
                                                stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)


def patroni(options, scene):
    """A switchover, a machine that is gone and one that is frozen, for a clinicd that knows the nodes and one behind HAProxy."""
    hosts = ",".join(f"127.0.0.1:{port}" for port, _ in NODES.values())
    with Managed(scene) as managed:
        direct = Daemon(options, scene, "direct", f"postgresql://clinic:clinic@{hosts}/clinic")
        behind = Daemon(options, scene, "behind", f"postgresql://clinic:clinic@127.0.0.1:{BALANCED}/clinic")
        try:
            direct.start()
            behind.take_keys_of(direct)
            behind.start()
            with Callers(direct) as first, Callers(behind) as second:
                def gaps(what, limit, event):
                    for callers in (first, second):
                        callers.wait_for_more(30, 90)
                    began = time.monotonic()
                    event()
                    for callers in (first, second):
                        callers.wait_for_more(30, 90)
                    longest = [callers.longest_gap(since=began - 0.1) for callers in (first, second)]
                    report(f"Patroni, {what}: directly, behind HAProxy", " ".join(f"{gap:.1f} s" for gap in longest),
                           max(longest) <= limit)

                def settle():
                    until("a synchronous standby", lambda: any(managed.role(node, "/synchronous") for node in NODES), 120)

                gaps("switchover", 5, managed.switch)
                settle()
                leader = managed.leader()
                gaps("the leader's machine is gone", TTL + 5, lambda: managed.kill(leader))
                managed.start(leader)
                settle()
                leader = managed.leader()
                gaps("the leader is frozen", TTL + 5, lambda: managed.signal(leader, signal.SIGSTOP))
            # The frozen one still takes itself for the leader, and is asked nothing.
            there = set(managed.ask(managed.leader(), "SELECT email FROM clinic.user_account").split())
            lost = [email for callers in (first, second) for email in callers.acknowledged if email not in there]
            report("    acknowledged, lost", f"{len(first.acknowledged) + len(second.acknowledged):,}, {len(lost)}", not lost)
        finally:
            direct.stop()
            behind.stop()
