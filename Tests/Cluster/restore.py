"""A backup is restored to a point in time while clinicd starts on it already."""

import os
import time

from clinic import report
from daemon import Callers, Daemon, ended_afterwards
from servers import Server, execute, programs, url

BURNT = 5_000


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


def dump(options, scene):
    """A dump is restored into another cluster, whose transaction numbers are lower, and its epoch is raised."""
    primary, other = Server(scene, "first").make(), Server(scene, "other").make()
    daemon, later = Daemon(options, scene, "clinic", url(primary)), Daemon(options, scene, "other-clinic", url(other))
    with ended_afterwards(daemon, later, primary, other):
        primary.ask(f"DO $$ BEGIN FOR n IN 1..{BURNT} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")
        daemon.start()
        with Callers(daemon) as callers:
            callers.wait_for_more(100)
        daemon.stop()
        copy = os.path.join(primary.path, "dump")
        execute(os.path.join(programs(), "pg_dump"), "--format=custom", f"--file={copy}", "-h", primary.path, "-U", "postgres", "clinic")
        execute(os.path.join(programs(), "pg_restore"), "--exit-on-error", "-h", other.path, "-U", "postgres", "-d", "clinic", copy)
        later.start()
        said = "events of another PostgreSQL" in later.log()
        later.stop()
        total, hidden = unseen(other)
        report("a dump in another cluster: events, unseen at first", f"{total:,}, {hidden:,}", total >= 100 and hidden > 0)
        report("    the log says so", "yes" if said else "no", said)
        epoch = other.ask("SELECT (max(transaction_number) >> 32) + 1 FROM clinic.event")
        last = other.ask("SELECT max(transaction_number) FROM clinic.event")
        other.stop()
        execute(os.path.join(programs(), "pg_resetwal"), f"--epoch={epoch}", "-D", other.data)
        other.start()
        later.start()
        with Callers(later) as more:
            more.wait_for_more(50)
        later.stop()
        total, hidden = unseen(other)
        mixed = other.ask(f"""
            SELECT count(*) FROM clinic.event JOIN clinic.user_account ON entity = 'user' AND entity_id = user_account.id
            WHERE email = ANY (string_to_array('{",".join(more.acknowledged)}', ',')) AND transaction_number <= {last}""")
        report("    with a higher epoch: unseen, new ones before old ones", f"{hidden}, {mixed}", hidden == 0 and mixed == "0")
        report("    lost", str(callers.lost(other)), callers.lost(other) == 0)


def unseen(server):
    """How many events there are, and how many of them nobody sees."""
    return map(int, server.ask("""
        SELECT count(*), count(*) FILTER (WHERE transaction_number >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
        FROM clinic.event""").split("|"))
