# SPDX-License-Identifier: Apache-2.0
# A program with sockets and a thread that are set in many ways. Usage: settings.py READY
import os
import socket
import sys
import threading
import time

GROUP = "239.1.2.3"
OPTIONS = {
    "tcp": [(socket.IPPROTO_TCP, 9, 3), (socket.IPPROTO_TCP, 23, 5), (socket.IPPROTO_TCP, 18, 5000), (socket.SOL_SOCKET, 29, 1)],
    "udp": [(socket.IPPROTO_IP, 11, 1), (socket.IPPROTO_IP, 10, 2), (socket.IPPROTO_IP, 34, 0), (socket.SOL_SOCKET, 35, 1)],
    "udp6": [(socket.IPPROTO_IPV6, 67, 8), (socket.IPPROTO_IPV6, 16, 9), (socket.IPPROTO_IPV6, 51, 1)],
}

sockets = {"tcp": socket.socket(), "udp": socket.socket(type=socket.SOCK_DGRAM),
           "udp6": socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)}
for kind, options in OPTIONS.items():
    for level, name, value in options:
        sockets[kind].setsockopt(level, name, value)
    sockets[kind].bind(("::1" if kind == "udp6" else "127.0.0.1", 0))
sockets["tcp"].listen(5)
membership = socket.inet_aton(GROUP) + socket.inet_aton("127.0.0.1")
sockets["udp"].setsockopt(socket.IPPROTO_IP, 35, membership)


def look():
    values = [str(sockets[kind].getsockopt(level, name)) for kind, options in OPTIONS.items() for level, name, _ in options]
    try:
        # A member cannot become one again.
        sockets["udp"].setsockopt(socket.IPPROTO_IP, 35, membership)
        values.append("no member")
    except OSError:
        values.append("member")
    return " ".join(values)


thread = threading.Thread(target=lambda: threading.Event().wait(), daemon=True)
thread.start()
with open(sys.argv[1] + ".new", "w") as file:
    file.write(f"{thread.native_id}\n{look()}\n")
os.rename(sys.argv[1] + ".new", sys.argv[1])
# Once it is told to: how it is now.
while not os.path.exists(sys.argv[1] + ".ask"):
    time.sleep(0.01)
with open(sys.argv[1] + ".told.new", "w") as file:
    file.write(look() + "\n")
os.rename(sys.argv[1] + ".told.new", sys.argv[1] + ".told")
threading.Event().wait()
