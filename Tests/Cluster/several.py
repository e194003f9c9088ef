"""Two servers of one clinic, which are restarted one after the other."""

from clinic import report
from daemon import Callers, Daemon, ended_afterwards
from servers import Server, url


def servers(options, scene):
    primary = Server(scene, "first").make()
    first = Daemon(options, scene, "clinic-1", url(primary))
    second = Daemon(options, scene, "clinic-2", url(primary))
    with ended_afterwards(first, second, primary):
        first.start()
        second.start()
        with Callers(first, second) as callers:
            for _ in range(1 if options.short else 5):
                for daemon in (first, second):
                    callers.wait_for_more(50)
                    daemon.stop()
                    callers.wait_for_more(20)
                    daemon.start()
            callers.wait_for_more(50)
        lost, doubled = callers.lost(primary), callers.doubled(primary)
    report("two servers, restarted in turn: acknowledged", f"{len(callers.acknowledged):,}", bool(callers.acknowledged))
    report("    lost, doubled", f"{lost}, {doubled}", lost == doubled == 0)
