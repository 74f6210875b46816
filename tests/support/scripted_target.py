#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for ssh and the cedana on another host: scripted_target.py BEHAVIOUR [what ssh would be given]. It answers a
migration as a target does, up to the moment that BEHAVIOUR names: accept, refuse, noise, cut-while-copying, ended-at-once,
cut-before-go and ended-after-go. Asked with --status it says what would be so then."""
import json
import struct
import sys

NAMES = ("", "hello", "greeting", "offer", "answer", "begin", "data", "complete", "ready", "go", "runs", "ended", "bye")
STATUS = {"cut-before-go": "ended", "ended-after-go": "ended", "unknown-after-go": "unknown", "cut-after-go": "runs"}


def say(name, value=None):
    payload = b"" if value is None else json.dumps(value).encode()
    sys.stdout.buffer.write(b"cm" + struct.pack(">BBI", NAMES.index(name), 0, len(payload)) + payload)
    sys.stdout.buffer.flush()


def hear():
    head = sys.stdin.buffer.read(8)
    if len(head) < 8:
        sys.exit(1)
    return NAMES[head[2]], sys.stdin.buffer.read(struct.unpack(">I", head[4:])[0])


def hear_until(name):
    while hear()[0] != name:
        pass


def main():
    behaviour = sys.argv[1]
    if "--status" in sys.argv[-1]:
        words = sys.argv[-1].split()
        print(json.dumps({"id": words[words.index("--status") + 1], "state": STATUS.get(behaviour, "unknown"),
                          "name": "sleep", "reason": "", "had_run": False, "pid": 4242}))
        return
    if behaviour == "noise":
        print("Welcome to this host")
        return
    hello = json.loads(hear()[1])
    say("greeting", {"protocol": hello["protocol"], "cedana": "0", "host": "beta"})
    hear_until("offer")
    reason = {"message": "there is no /usr/bin/x here", "cause": "", "hint": "install x"}
    say("answer", {"reasons": [reason, reason] if behaviour == "refuse" else [], "takes_ahead": False})
    if hear()[0] == "bye":
        return
    if behaviour == "cut-while-copying":
        hear_until("data")
        return
    hear_until("complete")
    if behaviour == "ended-at-once":
        return say("ended", reason)
    say("ready")
    if behaviour == "cut-before-go":
        return
    hear_until("go")
    if behaviour == "ended-after-go":
        return say("ended", reason)
    if behaviour == "accept":
        say("runs", {"pid": 4242})


if __name__ == "__main__":
    main()
