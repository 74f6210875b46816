# SPDX-License-Identifier: Apache-2.0
"""Counts, about a thousand times a second, and writes each count to three files: FOLDER/appended, opened for appending,
FOLDER/written, opened for writing from its start on, and FOLDER/updated, opened for reading and writing, whose first line
is written again each time. Usage: logs.py FOLDER"""

import sys
import time

folder = sys.argv[1]
with open(f"{folder}/appended", "a", buffering=1) as appended, open(
    f"{folder}/written", "w", buffering=1
) as written, open(f"{folder}/updated", "w+", buffering=1) as updated:
    count = 0
    while True:
        count += 1
        for file in (appended, written):
            file.write(f"{count}\n")
        updated.seek(0)
        updated.write(f"{count:012}\n")
        updated.seek(0, 2)
        updated.write("more\n")
        updated.flush()
        updated.seek(0)
        if int(updated.readline()) != count:
            sys.exit("the count is not what was written")
        time.sleep(0.001)
