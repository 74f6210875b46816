# SPDX-License-Identifier: Apache-2.0
"""A target of four threads which hash 200 MB, a quarter each, again and again, and append "THREAD HASH" to a file.

Usage: hashes.py FILE
"""
import hashlib
import random
import sys
import threading

THREADS = 4
BYTES_EACH = 50_000_000


def hash_forever(log, thread, memory):
    while True:
        log.write(f"{thread} {hashlib.sha1(memory).hexdigest()}\n")
        log.flush()


def main():
    log = open(sys.argv[1], "a", encoding="ascii")
    memories = [random.Random(thread).randbytes(BYTES_EACH) for thread in range(THREADS)]
    for thread, memory in enumerate(memories):
        threading.Thread(target=hash_forever, args=(log, thread, memory)).start()


main()
