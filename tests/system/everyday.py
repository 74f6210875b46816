# SPDX-License-Identifier: Apache-2.0
"""A target as people write them: threads, a subprocess behind pipes, and an open sqlite database in WAL mode (mapped and locked
files). Each of two threads asks the subprocess for the square of its next number, writes it to the database and appends the
number to LOG-THREAD. Finds out by itself when something was lost. Usage: everyday.py DATABASE LOG"""
import os
import sqlite3
import subprocess
import sys
import threading

SQUARES = "import sys\nfor line in sys.stdin: print(int(line) ** 2, flush=True)"
THREADS = 2


def fail(why):
    os.write(2, f"broken: {why}\n".encode())
    os._exit(3)


def main():
    database = sqlite3.connect(sys.argv[1], check_same_thread=False, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE steps (thread INT, number INT, square INT)")
    helper = subprocess.Popen([sys.executable, "-c", SQUARES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    turn = threading.Lock()

    def work(thread):
        log = open(f"{sys.argv[2]}-{thread}", "a", buffering=1)
        number = 0
        while True:
            number += 1
            with turn:
                helper.stdin.write(f"{number}\n")
                helper.stdin.flush()
                if (square := int(helper.stdout.readline())) != number**2:
                    fail(f"the square of {number} is not {square}")
                database.execute("INSERT INTO steps VALUES (?, ?, ?)", (thread, number, square))
                (rows,) = database.execute("SELECT count(*) FROM steps WHERE thread = ?", (thread,)).fetchone()
            if rows != number:
                fail(f"{rows} rows of thread {thread} after {number} steps")
            log.write(f"{number}\n")
            threading.Event().wait(0.002)

    for thread in range(THREADS):
        threading.Thread(target=work, args=(thread,)).start()


main()
