"""Payments of bookings that nobody has paid: each booking is paid once, so the daemon and pgbench get bookings of their
own in every round."""

import os


class Payments:
    # More than either of them pays in a second.
    NEEDED_PER_SECOND = 30_000

    def __init__(self, load):
        self.load = load
        self.clinic = load.clinic

    def ours(self):
        """Calls a second of PayBooking."""
        ours, _ = self.enough()
        path = os.path.join(self.clinic.directory, "unpaid")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(map(str, ours)))
        return self.load.pay(path).rate

    def of_pgbench(self, pgbench, statement):
        """Transactions a second of the service's own statement for one caller, which pays :booking."""
        _, theirs = self.enough()
        first = theirs[0]

        def script():
            return statement.write("pay", "\\set number :number + 1\n"
                                          f"\\set booking {first} + :number * :clients + :client_id\n")

        def after(clients, processed):
            nonlocal first
            # No client is far ahead of the others.
            first += processed * 3 // 2 + 64
            if first > theirs[-1]:
                raise SystemExit("bench: pgbench has paid more bookings than there were")

        return pgbench.best(script, "clinic", environment=statement.environment, after=after)

    def enough(self):
        """Unpaid bookings for us and for pgbench, after booking as many as are missing."""
        needed = int(self.NEEDED_PER_SECOND * self.load.seconds)
        ours, theirs = self.unpaid()
        while min(2 * len(ours), len(theirs)) < needed:
            self.load.book()
            ours, theirs = self.unpaid()
        return ours, theirs

    def unpaid(self):
        """For pgbench the longest run of numbers without a gap, less a third, and the rest for us."""
        ids = [int(line) for line in self.clinic.ask(
            "select id from clinic.booking where status = 'BOOKED' and hidden_at is null and fee = 9250 and not exists "
            "(select from clinic.transaction where booking_id = booking.id) order by id").splitlines()]
        best, begin = (0, 0), 0
        for index in range(len(ids) + 1):
            if index == len(ids) or index and ids[index] != ids[index - 1] + 1:
                best = max(best, (index - begin, begin))
                begin = index
        length, begin = best
        end = begin + length * 2 // 3
        return ids[:begin] + ids[end:], ids[begin:end]
