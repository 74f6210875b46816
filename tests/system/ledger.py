# SPDX-License-Identifier: Apache-2.0
"""Adds rows 1, 2, … to an SQLite database that it keeps open, in WAL mode (whose index is a shared mapping), and appends
to LOG what it has committed. It ends when a row that it had committed is not there. Usage: ledger.py DATABASE LOG"""

import sqlite3
import sys
import time

database, log = sys.argv[1:]
connection = sqlite3.connect(database)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("CREATE TABLE ledger (number INTEGER PRIMARY KEY, text TEXT)")
connection.commit()
with open(log, "a", buffering=1) as lines:
    number = 0
    while True:
        number += 1
        with connection:
            connection.execute("INSERT INTO ledger VALUES (?, ?)", (number, "x" * 500))
        (rows,) = connection.execute("SELECT count(*) FROM ledger").fetchone()
        if rows != number:
            lines.write(f"broken: {rows} rows in place of {number}\n")
            sys.exit(3)
        lines.write(f"{number}\n")
        time.sleep(0.002)
