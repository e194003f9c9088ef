"""A backup is restored to a point in time while clinicd starts on it already."""

import os
import time

from clinic import report
from daemon import Callers, Daemon, ended_afterwards
from servers import Server, execute, programs, url


def restore(options, scene):
    """What was acknowledged before the target is there, and nothing after it."""
    archive = os.path.join(scene, "archive")
    os.makedirs(archive)
    os.chmod(archive, 0o777)
    primary = Server(scene, "first").make()
    primary.stop()
    primary.configure(archive_mode="on", archive_command=f"cp %p {archive}/%f")
    primary.start()
    restored = Server(scene, "restored")
    daemon = Daemon(options, scene, "clinic", url(primary))
    later = Daemon(options, scene, "restored-clinic", url(restored))
    with ended_afterwards(daemon, later, primary, restored):
        daemon.start()
        with Callers(daemon) as callers:
            callers.wait_for_more(100)
            restored.follow(primary)
            restored.stop()
            callers.wait_for_more(100)
            # Nothing is under way at the target.
            callers.__exit__()
            before = set(callers.acknowledged)
            time.sleep(0.1)
            target = primary.ask("SELECT clock_timestamp()")
            time.sleep(0.1)
            callers.__enter__()
            callers.wait_for_more(300)
        after = set(callers.acknowledged) - before
        primary.ask("SELECT pg_switch_wal()")
        daemon.stop()
        primary.stop()
        os.remove(restored.data + "/standby.signal")
        execute("touch", restored.data + "/recovery.signal")
        # Recovery is slowed down, so that clinicd starts in the middle of it.
        restored.configure(restore_command=f"sleep 0.2; cp {archive}/%f %p", recovery_target_time=target,
                           recovery_target_action="promote", primary_conninfo="", archive_mode="off", hot_standby="on")
        later.start(wait=False)
        restored.start(wait=False)
        later.wait()
        there = set(restored.ask("SELECT email FROM clinic.user_account").split())
        said = "waiting for the database" in later.log()
        with Callers(later) as callers:
            callers.wait_for_more(20)
    report("restored to a point in time: missing before it, there after it", f"{len(before - there)}, {len(after & there)}",
           not before - there and not after & there and len(before) >= 200 and len(after) >= 300)
    report("    the first start succeeds, and says what it waits for", "yes" if said else "no", said)
    report("    PostgreSQL", execute(os.path.join(programs(), "postgres"), "--version").split()[2])
