"""A primary that is killed, and what becomes of changes and of the old one when it comes back."""

import os
import signal
import subprocess
import time

from clinic import percentile, report
from daemon import Callers, Daemon, ended_afterwards
from servers import Server, until, url


def pair(scene):
    """A primary and a standby whose names callers' servers know."""
    first = Server(scene, "first").make()
    return first, Server(scene, "second").follow(first)


def failover(options, scene):
    """Kills the primary and promotes the synchronous standby, again and again."""
    primary, standby = pair(scene)
    primary.set("synchronous_standby_names", "*")
    daemon = Daemon(options, scene, "clinic", url(primary, standby))
    gaps = []
    with ended_afterwards(daemon, primary, standby):
        daemon.start()
        with Callers(daemon) as callers:
            for _ in range(1 if options.short else 10):
                callers.wait_for_more(200)
                began = time.monotonic()
                primary.kill()
                standby.promote()
                # A copy of the old primary's settings: it would wait for a standby that is not there yet.
                standby.set("synchronous_standby_names", "")
                callers.wait_for_more(50)
                gaps.append(callers.longest_gap(since=began - 0.1))
                primary, standby = standby, primary.follow(standby)
                primary.set("synchronous_standby_names", "*")
        lost, doubled = callers.lost(primary), callers.doubled(primary)
    report(f"{len(gaps)} × the primary killed: acknowledged", f"{len(callers.acknowledged):,}", bool(callers.acknowledged))
    report("    lost, doubled", f"{lost}, {doubled}", lost == doubled == 0)
    report("    without an acknowledgement: median, longest", f"{percentile(gaps, 50):.2f} s, {max(gaps):.2f} s", max(gaps) <= 7)


def asynchronous(options, scene):
    """The control: without a synchronous standby, what the standby did not get is lost."""
    primary, standby = pair(scene)
    daemon = Daemon(options, scene, "clinic", url(primary, standby))
    with ended_afterwards(daemon, primary, standby):
        daemon.start()
        with Callers(daemon) as callers:
            callers.wait_for_more(50)
            sender = int(primary.ask("SELECT pid FROM pg_stat_replication"))
            os.kill(sender, signal.SIGSTOP)
            callers.wait_for_more(50)
            primary.kill()
            standby.promote()
            callers.wait_for_more(50)
        lost = callers.lost(standby)
    report("    control: asynchronous, the walsender stopped: lost", f"{lost:,}", lost > 0)


def stale(options, scene):
    """The old primary comes back as if nothing had happened, and connections to the new one are cut."""
    former, primary = pair(scene)
    daemon = Daemon(options, scene, "clinic", url(former, primary))
    seen = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'clinicd'"
    with ended_afterwards(daemon, former, primary):
        daemon.start()
        with Callers(daemon) as callers:
            callers.wait_for_more(50)
            former.stop()
            primary.promote()
            callers.wait_for_more(50)
            former.start()
            rows = former.ask("SELECT count(*) FROM clinic.user_account")
            primary.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'clinicd'")
            time.sleep(5)
            callers.wait_for_more(50)
            connections = former.ask(seen)
            written = int(former.ask("SELECT count(*) FROM clinic.user_account")) - int(rows)
        report("a former primary comes back: connections, new rows there", f"{connections}, {written}",
               connections == "0" and written == 0)
        report("    lost", str(callers.lost(primary)), callers.lost(primary) == 0)
        daemon.stop()
        primary.stop()
        # It is the only one now. The file in the data directory knows better.
        daemon.start("--wait-for-database", "2", wait=False)
        status = daemon.end()
        report("    a start that sees it alone ends", f"{status}", status == 1 and "former primary" in daemon.log())
        other = Daemon(options, scene, "without-memory", url(former))
        with ended_afterwards(other):
            other.start()
            with Callers(other) as callers:
                callers.wait_for_more(10)
        report("    control: who has not seen the new one writes there", f"{len(callers.acknowledged):,}",
               len(callers.acknowledged) > 0)


def hosts(options, scene):
    """Each form of the URL in each order of the hosts, and a first host that is silent."""
    primary, standby = pair(scene)
    with ended_afterwards(primary, standby):
        for form in ("", "&target_session_attrs=read-write", "&target_session_attrs=primary"):
            for order in ((primary, standby), (standby, primary)):
                name = f"{form.rpartition('=')[2] or 'none'}-{order[0].name}"
                daemon = Daemon(options, scene, name, url(*order, parameters=form))
                with ended_afterwards(daemon):
                    daemon.start()
                    with Callers(daemon) as callers:
                        callers.wait_for_more(10)
                    served = callers.lost(primary) == 0 and daemon.ready()
                report(f"target_session_attrs {form.rpartition('=')[2] or 'left out'}, {order[0].name} host first",
                       "serves" if served else "fails", served)
        for process in standby.processes:
            os.kill(process, signal.SIGSTOP)
        daemon = Daemon(options, scene, "silent", url(standby, primary))
        with ended_afterwards(daemon):
            began = time.monotonic()
            daemon.start()
            seconds = time.monotonic() - began
        for process in standby.processes:
            os.kill(process, signal.SIGCONT)
        report("the first host is stopped: a start", f"{seconds:.1f} s", seconds <= 10)


def standby_lost(options, scene):
    """Changes wait for a synchronous standby that is gone."""
    primary, standby = pair(scene)
    primary.set("synchronous_standby_names", "*")
    daemon = Daemon(options, scene, "clinic", url(primary, standby))
    with ended_afterwards(daemon, primary, standby):
        daemon.start()
        with Callers(daemon) as callers:
            callers.wait_for_more(20)
            standby.stop("immediate")
            unready = until("not ready", lambda: not daemon.ready())
            reads = daemon.ready("?for=reads")
            standby.start()
            ready = until("ready again", daemon.ready)
            callers.wait_for_more(20)
        lost = callers.lost(primary)
    report("the standby is lost: /readyz is 503 after", f"{unready:.1f} s", unready <= 8)
    report("    /readyz?for=reads", "200" if reads else "503", reads)
    report("    200 again after", f"{ready:.1f} s", ready <= 2)
    report("    lost", str(lost), lost == 0)


def pooler(options, scene):
    """PgBouncer in both modes."""
    primary = Server(scene, "first").make()
    with ended_afterwards(primary):
        for mode in ("session", "transaction"):
            path = os.path.join(scene, mode)
            os.makedirs(path)
            os.chmod(path, 0o777)
            with open(path + "/ini", "w", encoding="utf-8") as file:
                file.write(f"[databases]\n* = host={primary.path} user=clinic\n[pgbouncer]\nlisten_addr =\nlisten_port = 5432\n"
                           f"unix_socket_dir = {path}\nauth_type = any\npool_mode = {mode}\nlogfile = {path}/log\n")
            prefix = [] if os.geteuid() else ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
            bouncer = subprocess.Popen([*prefix, "pgbouncer", "-q", path + "/ini"], cwd="/", stderr=subprocess.DEVNULL)
            daemon = Daemon(options, scene, mode + "-clinic", f"postgresql://clinic@/clinic?host={path}")
            try:
                until("PgBouncer listens", lambda at=path: os.path.exists(at + "/.s.PGSQL.5432"))
                if mode == "session":
                    daemon.start()
                    with Callers(daemon) as callers:
                        callers.wait_for_more(20)
                    report("PgBouncer, session mode: acknowledged", str(len(callers.acknowledged)), True)
                    daemon.stop()
                else:
                    began = time.monotonic()
                    status = daemon.start(wait=False).end()
                    seconds = time.monotonic() - began
                    locks = primary.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
                    report("PgBouncer, transaction mode: the start ends after", f"{seconds:.1f} s",
                           status == 1 and seconds <= 2 and "pool_mode=session" in daemon.log())
                    report("    locks that are left", locks, locks == "0")
            finally:
                daemon.stop()
                bouncer.kill()
                bouncer.wait()
