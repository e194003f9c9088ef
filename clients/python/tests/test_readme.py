"""The first lines of the README work."""

import contextlib
import io
import os
import pathlib
import unittest

import clinic
from clinic import errors, v1
from daemon import PASSWORD, daemon

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"


class ReadmeTests(unittest.TestCase):
    def test_its_first_lines_book_an_appointment(self):
        with clinic.Client(daemon.addresses["tcp"], timeout=60) as client, contextlib.suppress(errors.EmailTakenError):
            client.user.create_user(v1.CreateUserRequest(
                first_name="Ada", last_name="Lovelace", phone="0400000000", email="ada@example.com", password=PASSWORD))
        lines = README.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
        for here, there in [("tcp:127.0.0.1:7411", daemon.addresses["tcp"]), ("correct horse", PASSWORD)]:
            self.assertIn(here, lines)
            lines = lines.replace(here, there)
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile(lines, os.fspath(README), "exec"), {})
        self.assertRegex(output.getvalue(), r"^\d\d/\d\d/\d{4} \d\d:\d\d:\d\d\n$")


if __name__ == "__main__":
    unittest.main()
