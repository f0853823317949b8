#!/usr/bin/env python3
"""Opens the sockets that intercepted connections come to (TPROXY), gives every privilege away, and becomes the program it is given.

    launch.py [--user 5678] [--copies 1] node dp-agent/main.ts run ...

The sockets are handed over by the protocol of systemd (sd_listen_fds). Each worker takes one copy of each; so does one that replaces a
worker after a crash.
"""

import argparse
import fcntl
import os
import socket

FIRST_DESCRIPTOR = 3
# linux/in.h, linux/in6.h
IP_TRANSPARENT = 19
IPV6_TRANSPARENT = 75

PLACES = [
    ("outbound", socket.AF_INET, "127.0.0.1", 15001),
    ("outbound6", socket.AF_INET6, "::1", 15001),
    ("inbound", socket.AF_INET, "127.0.0.1", 15006),
    ("inbound6", socket.AF_INET6, "::1", 15006),
]


def listen(family, address, port):
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
    else:
        opened.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
    opened.bind((address, port))
    opened.listen(4096)
    return opened


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--user", default="5678")
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("program", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    names = []
    sources = []
    for name, *place in PLACES:
        opened = listen(*place)
        for _ in range(options.copies):
            names.append(name)
            # Out of the way of the descriptors they are to become.
            sources.append(fcntl.fcntl(opened.fileno(), fcntl.F_DUPFD_CLOEXEC, 100))
        opened.close()
    for index, source in enumerate(sources):
        os.dup2(source, FIRST_DESCRIPTOR + index, inheritable=True)
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["LISTEN_FDS"] = str(len(names))
    os.environ["LISTEN_FDNAMES"] = ":".join(names)
    drop = ["--reuid", options.user, "--regid", options.user, "--clear-groups"]
    os.execvp("setpriv", ["setpriv", *drop, "--bounding-set=-all", "--no-new-privs", "--", *options.program])


main()
