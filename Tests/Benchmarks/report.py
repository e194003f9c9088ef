"""The tables that `make bench` prints."""

import datetime
import json
import os
import platform
import statistics
import subprocess

from rows import ROWS


def print_rows(results, options):
    """A line for each row: medians, their ratio and whether the goal is met."""
    print(f"\n{datetime.date.today()}, {machine()}")
    print("Through a Unix socket (or TCP where it says so), connections × calls in flight on each, every call with a token;\n"
          f"medians of {options.rounds} rounds of {options.seconds:g} s, lowest–highest in brackets. pgbench runs "
          "-M prepared -j 1 with its best number\nof clients: 8 or 32, also 1 for a read, or 2, 4 or 8 if it pipelines; "
          "everything that is written is durable.\nA goal is a ratio, or a difference with a plus sign.\n")
    print(f"{'':40}{'clinicd':>32}   {'':40}{'':>32}{'':>8}  goal")
    for part, (ours, theirs) in results.items():
        row = ROWS[part]
        print(f"{row.name:40}{figure(ours, row.unit):>32}   {row.peer:40}{figure(theirs, row.unit):>32}"
              f"{row.value(ours, theirs):>8.2f}  {verdict(row, ours, theirs)}")
    if options.json:
        write_json(results, options)


def verdict(row, ours, theirs):
    if not row.goal:
        return "for information"
    return f"{str(row.goal):7} {'met' if row.goal.is_met(row.value(ours, theirs)) else 'MISSED'}"


def write_json(results, options):
    rows = []
    for part, (ours, theirs) in results.items():
        row = ROWS[part]
        value = row.value(ours, theirs)
        rows.append({"row": part, "name": row.name, "peer": row.peer, "unit": row.unit.strip(), "ours": ours,
                     "theirs": theirs, "value": value, "goal": str(row.goal) if row.goal else None,
                     "met": row.goal.is_met(value) if row.goal else None})
    with open(options.json, "w", encoding="utf-8") as file:
        json.dump({"date": str(datetime.date.today()), "machine": machine(), "rounds": options.rounds,
                   "seconds": options.seconds, "rows": rows}, file, indent=1, ensure_ascii=False)


def print_builds(results, options):
    """A line for each row: this build, the other one, and their ratio, above 1 where this one is faster or smaller."""
    print(f"\n{datetime.date.today()}, {machine()}")
    print(f"Medians of {options.rounds} rounds of {options.seconds:g} s. Above 1 this build is better than {options.against}.\n")
    print(f"{'':40}{'this build':>32}{'the other one':>32}{'':>8}")
    for part, (ours, theirs) in results.items():
        row = ROWS[part]
        ratio = statistics.median(ours) / statistics.median(theirs)
        print(f"{row.name:40}{figure(ours, row.unit):>32}{figure(theirs, row.unit):>32}"
              f"{ratio if row.is_rate else 1 / ratio:>8.2f}")


def print_growth(first, data, connections):
    """By how much each row gets worse; a rate that halves and a time that doubles are both 2."""
    print(f"\n{'grows by':40}{'10 × the bookings':>20}{'4 × the connections':>22}")
    for part in first:
        def factor(before, after):
            if not before.get(part) or not after.get(part):
                return "–"
            before, after = (statistics.median(results[part][0]) for results in (before, after))
            if not before or not after:
                return "–"
            return f"{before / after if ROWS[part].is_rate else after / before:.2f}"
        print(f"{ROWS[part].name:40}{factor(first, data):>20}{factor(data, connections):>22}")


def machine():
    processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
                      if line.startswith("model name")), platform.machine())
    server = subprocess.run(["psql", "--version"], text=True, stdout=subprocess.PIPE, check=True).stdout.split()[2]
    return f"{processor}, {os.cpu_count()} cores, Linux {platform.release()}, PostgreSQL {server}"


def figure(values, unit):
    return f"{statistics.median(values):,.0f} ({min(values):,.0f}–{max(values):,.0f}){unit}"
