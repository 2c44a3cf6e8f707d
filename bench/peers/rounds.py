"""rounds.py - what a race between one of our programs and a peer's library takes: rows of our program, medians of rounds, rows as
JSON, and a file of them.
"""

import json
import math
import os
import statistics
import subprocess
import tempfile


def run_ours(command):
    """The one row that a program of ours writes with --json."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "row.json")
        subprocess.run(command + ["--json", path], check=True, stdout=subprocess.DEVNULL)
        with open(path) as file:
            return json.loads(file.readline())


def medians(rows, is_measured):
    """The first row, with the median of all rows under each key that is_measured says is a measurement."""
    return {key: statistics.median(row[key] for row in rows) if is_measured(key) else value for key, value in rows[0].items()}


def json_line(row):
    """A row as one line of JSON, which has no infinities and no NaN: null stands for them."""
    finite = {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}
    return json.dumps(finite, allow_nan=False) + "\n"


class RowFile:
    """One object a line; nothing is written where the path is None."""

    def __init__(self, path):
        self.file = open(path, "w") if path else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.file:
            self.file.close()

    def write(self, row):
        if self.file:
            self.file.write(json_line(row))
