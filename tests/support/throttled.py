#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A command at the end of a slow line: what goes to its standard input, and what comes from its standard output, goes
through a token bucket each, and arrives half a round trip later.

throttled.py MBIT[/RTT-MS] COMMAND…, as `--ssh "throttled.py 100 ssh"`.
"""
import collections
import os
import signal
import subprocess
import sys
import threading
import time

# What passes in that time passes at once after a pause, as long as a sleep of this process takes too long at most.
BURST_SECONDS = 0.02


class Line:
    """One direction. Each piece passes when the line has had the time for it and for all before: what a sleep takes too
    long is made good."""

    def __init__(self, source, sink, rate, delay):
        self.source, self.sink, self.rate, self.delay = source, sink, rate, delay
        # A millisecond of it, so that few are needed.
        self.piece = int(min(262144, max(16384, rate / 1000)))
        # Of what a line of this length holds, and some more.
        self.room = threading.BoundedSemaphore(max(8, int(rate * delay / self.piece) + 8))
        self.pieces = collections.deque()
        self.there = threading.Semaphore(0)

    def take(self):
        due = 0.0
        while True:
            try:
                piece = os.read(self.source, self.piece)
            except ConnectionError:
                piece = b""
            self.passed(piece)
            now = time.monotonic()
            due = max(due, now - BURST_SECONDS) + len(piece) / self.rate
            if due > now:
                time.sleep(due - now)
            self.room.acquire()
            self.pieces.append((time.monotonic() + self.delay, piece))
            self.there.release()
            if not piece:
                return

    def passed(self, piece):
        """For who counts."""

    def give(self):
        while True:
            self.there.acquire()
            due, piece = self.pieces.popleft()
            self.room.release()
            if not piece:
                return os.close(self.sink)
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            try:
                while piece:
                    piece = piece[os.write(self.sink, piece):]
            except OSError:
                os._exit(1)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    megabits, _, round_trip = sys.argv[1].partition("/")
    rate, delay = float(megabits) * 1e6 / 8, float(round_trip or 0) / 2000
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    back = Line(child.stdout.fileno(), 1, rate, delay)
    there = Line(0, os.dup(child.stdin.fileno()), rate, delay)
    child.stdin.close()
    for work in (there.take, there.give, back.take):
        threading.Thread(target=work, daemon=True).start()
    back.give()
    os._exit(child.wait() & 0xff)


if __name__ == "__main__":
    main()
