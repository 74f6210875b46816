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

PIECE = 16384


class Line:
    """One direction. `burst`: bytes that pass at once after a pause."""

    def __init__(self, source, sink, rate, delay, burst=65536):
        self.source, self.sink, self.rate, self.delay, self.burst = source, sink, rate, delay, burst
        # Of what a line of this length holds, and some more.
        self.room = threading.BoundedSemaphore(max(8, int(rate * delay / PIECE) + 8))
        self.pieces = collections.deque()
        self.there = threading.Semaphore(0)

    def take(self):
        tokens, last = float(self.burst), time.monotonic()
        while True:
            try:
                piece = os.read(self.source, PIECE)
            except ConnectionError:
                piece = b""
            self.passed(piece)
            now = time.monotonic()
            tokens = min(self.burst, tokens + (now - last) * self.rate) - len(piece)
            last = now
            if tokens < 0:
                time.sleep(-tokens / self.rate)
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
