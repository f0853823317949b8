#!/bin/sh
# Marked packets belong to this machine, whatever their destination; ::6 is where Outrider calls the application from (127.0.0.6 is
# there already). Run once, as root, in the network namespace of the application. See docs/interception.md.
set -eu

ip rule add fwmark 1 lookup 100
ip route add local 0.0.0.0/0 dev lo table 100
ip -6 rule add fwmark 1 lookup 100
ip -6 route add local ::/0 dev lo table 100
ip -6 address add ::6/128 dev lo
