"""What PostgreSQL answered to the daemon's statements: recorded by `recorder`, played back by `player`. A statement is
found again by its text and the number of callers that share it."""

import base64
import json

from postgresql_messages import digest, digest_of_values, message


class Recording:
    """Answers by statement, number of callers and values."""

    # What was asked with more values than these is answered alike whatever they are: calls. With fewer the values
    # matter: what the daemon asks when it starts.
    MOST_VALUES = 40
    ANY = ""

    def __init__(self):
        # What a connection is greeted with, by the digest of its startup packet.
        self.greetings = {}
        # What the calls named: the booking, the doctor and the patient.
        self.names = {}
        self.answers = {}
        self.openings = {}

    def add(self, sql, count, values, messages):
        name = digest(sql)
        self.openings[name] = " ".join(sql.split())[:60]
        answers = self.answers.setdefault((name, count), {})
        answers[digest_of_values(values)] = answers[self.ANY] = messages

    def answer(self, sql, count, values):
        """The messages that answer so many callers, or those of more callers cut down; None if there are none."""
        name = digest(sql)
        if answers := self.answers.get((name, count)):
            return answers.get(digest_of_values(values), answers[self.ANY])
        larger = min((number for other, number in self.answers if other == name and number > count), default=None)
        if larger is None:
            return None
        messages = self.answers[name, larger][self.ANY]
        rows = [part for part in messages if part[:1] == b"D"]
        others = [part for part in messages if part[:1] not in b"DC"]
        if len(rows) != larger:
            return None
        return others + rows[:count] + [message(b"C", f"SELECT {count}\0".encode())]

    def save(self, path):
        entries = [
            {"statement": name, "opening": self.openings[name], "callers": count, "values": values,
             "answer": [base64.b64encode(part).decode() for part in messages]}
            for (name, count), answers in sorted(self.answers.items()) for values, messages in sorted(answers.items())
            if values == self.ANY or 2 < len(answers) <= self.MOST_VALUES]
        with open(path, "w", encoding="utf-8") as file:
            greetings = {startup: base64.b64encode(greeting).decode() for startup, greeting in self.greetings.items()}
            json.dump({"names": self.names, "greetings": greetings, "answers": entries}, file, indent=1)
            file.write("\n")

    @staticmethod
    def load(path):
        recording = Recording()
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        recording.names = content["names"]
        recording.greetings = {startup: base64.b64decode(greeting) for startup, greeting in content["greetings"].items()}
        for entry in content["answers"]:
            answers = recording.answers.setdefault((entry["statement"], entry["callers"]), {})
            answers[entry["values"]] = [base64.b64decode(part) for part in entry["answer"]]
        return recording
