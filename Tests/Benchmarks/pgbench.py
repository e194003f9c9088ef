"""PostgreSQL without the service, measured by pgbench: on the yardstick, and on the service's own statements."""

import os
import re
import subprocess

from clinic import BENCHMARKS

# One statement after the other, and 16 at a time between \startpipeline and \endpipeline.
CLIENTS = (8, 32)
PIPELINING_CLIENTS = (2, 4, 8)
PIPELINED = 16


class Pgbench:
    """Runs pgbench -M prepared -j 1 on the cluster of a clinic; the best number of clients counts."""

    def __init__(self, clinic, seconds):
        self.clinic = clinic
        self.seconds = seconds
        # Both sides commit durably, or the comparison says nothing.
        settings = clinic.ask("select current_setting('fsync') || ' ' || current_setting('synchronous_commit')")
        if settings != "on on":
            raise SystemExit(f"bench: fsync and synchronous_commit are {settings}, not on")

    def create_yardstick(self):
        """A database of its own beside the service's, with the yardstick's schema and people."""
        subprocess.run(["createdb", *self.clinic.postgresql("postgres"), "-O", "clinic", "yardstick"], check=True)
        subprocess.run(["psql", *self.clinic.postgresql(), "-d", "yardstick", "-Xq", "-v", "ON_ERROR_STOP=1", "-f", yardstick("schema")],
                       check=True)

    def best(self, path, database, clients=CLIENTS, environment=None, after=lambda clients, transactions: None):
        """Transactions per second of a script. `after` is told how many each run did."""
        best = 0
        for number in clients:
            output = subprocess.run(
                ["pgbench", *self.clinic.postgresql(), "-n", "-M", "prepared", "-j", "1", "-c", str(number), "-T",
                 str(max(1, round(self.seconds))), "-D", f"clients={number}", "-D", "number=0", "-f",
                 path() if callable(path) else path, database],
                env={**os.environ, **(environment or {})}, text=True, check=True, stdout=subprocess.PIPE).stdout
            best = max(best, float(re.search(r"^tps = ([\d.]+)", output, re.M)[1]))
            after(number, int(re.search(r"actually processed: (\d+)", output)[1]))
        return best


def yardstick(name):
    return os.path.join(BENCHMARKS, "yardstick", name + ".sql")


class OwnStatement:
    """The statement that the service sends for one caller of a method, with values in the place of its parameters.

    Its text is read from pg_stat_activity right after such a call, so that it is the service's own at any time. A
    statement that takes one value of each parameter gets it, one that takes an array for each gets arrays of one.
    """

    def __init__(self, clinic, pattern, parameters):
        """
        pattern: a regular expression that the statement matches, and no other that was sent since the call.
        parameters: type and value, an SQL expression, of each.
        """
        self.clinic = clinic
        # With the service's own cost of a page, and planned once: PostgreSQL may otherwise plan every execution for a
        # patient with few bookings, at ten times the cost, and pgbench would be no measure.
        self.environment = {"PGOPTIONS": "-c random_page_cost=1.1 -c plan_cache_mode=force_generic_plan "
                                         f"-c search_path={search_path(clinic)}"}
        self.sql = self.bind(sent_last(clinic, pattern), parameters)

    def bind(self, sql, parameters):
        for form in (lambda type: type, lambda type: type if type.endswith("[]") else type + "[]"):
            types = [form(type) for type, _ in parameters]
            if self.is_valid(f"prepare statement {'(' + ', '.join(types) + ')' if types else ''} as {sql}"):
                break
        else:
            raise SystemExit(f"bench: the service's statement takes other parameters: {sql}")
        values = [f"({value})::{type}" if type == taken else f"array[({value})::{type}]"
                  for (type, value), taken in zip(parameters, types)]
        return re.sub(r"\$(\d+)", lambda found: values[int(found[1]) - 1], sql)

    def is_valid(self, sql):
        return subprocess.run(["psql", *self.clinic.postgresql(), "-d", "clinic", "-Xqc", sql], check=False,
                              env={**os.environ, **self.environment}, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0

    def write(self, name, before="", pipelined=1):
        """Writes a script of pgbench; returns its path."""
        path = os.path.join(self.clinic.directory, name + ".sql")
        statements = f"{self.sql};\n" * pipelined
        if pipelined > 1:
            statements = f"\\startpipeline\n{statements}\\endpipeline\n"
        with open(path, "w", encoding="utf-8") as file:
            file.write(before + statements)
        return path


def sent_last(clinic, pattern):
    """The statement on the backends of the service that began last and matches."""
    sql = clinic.ask("select query from pg_stat_activity where pid <> pg_backend_pid() and query ~ "
                     f"$pattern${pattern}$pattern$ order by query_start desc limit 1")
    if not sql:
        raise SystemExit(f"bench: no statement like {pattern} was seen")
    return sql


def search_path(clinic):
    """Where the service's statements find their tables and functions: in its schemas, those of functions first."""
    return clinic.ask("select string_agg(nspname, ',' order by nspname desc) || ',public,pg_temp' from pg_namespace "
                      "where nspname like 'clinic%'")
