#!/usr/bin/perl
# Opens the sockets that intercepted connections come to (TPROXY), gives every privilege away, and becomes the program it is given:
#
#   launch.pl [--user 5678] [--copies 1] [--ipv4] node dist/dp-agent/main.js run ...
#
# The sockets are handed over by the protocol of systemd (sd_listen_fds). Each worker takes one copy of each; so does one that replaces a
# worker after a crash. Every Debian has this Perl and setpriv, node:*-slim included. See docs/interception.md.
use strict;
use warnings;
use Getopt::Long qw(:config require_order);
use POSIX ();
use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6 IPPROTO_IP IPPROTO_IPV6 IPV6_V6ONLY);

# linux/in.h, linux/in6.h
use constant { IP_TRANSPARENT => 19, IPV6_TRANSPARENT => 75 };
use constant { FIRST_DESCRIPTOR => 3, PARKED => 500 };

my ($user, $copies, $ipv4) = (5678, 1, 0);
GetOptions('user=s' => \$user, 'copies=i' => \$copies, 'ipv4' => \$ipv4) or exit 2;
die "name a program, as in: launch.pl node dist/dp-agent/main.js run ...\n" unless @ARGV;

sub opened {
    my ($family, $address, $port) = @_;
    socket(my $socket, $family, SOCK_STREAM, 0) or die "socket: $!\n";
    my @options = $family == AF_INET6
        ? ([IPPROTO_IPV6, IPV6_V6ONLY], [IPPROTO_IPV6, IPV6_TRANSPARENT])
        : ([IPPROTO_IP, IP_TRANSPARENT]);
    for my $option ([SOL_SOCKET, SO_REUSEADDR], @options) {
        setsockopt($socket, $option->[0], $option->[1], pack('i', 1)) or die "setsockopt: $!\n";
    }
    my $place = inet_pton($family, $address);
    my $bound = $family == AF_INET6 ? pack_sockaddr_in6($port, $place) : pack_sockaddr_in($port, $place);
    bind($socket, $bound) or die "$address port $port: $!\n";
    listen($socket, 4096) or die "listen: $!\n";
    return $socket;
}

my @places = (['outbound', AF_INET, '127.0.0.1', 15001], ['inbound', AF_INET, '127.0.0.1', 15006]);
push @places, (['outbound6', AF_INET6, '::1', 15001], ['inbound6', AF_INET6, '::1', 15006]) unless $ipv4;

my (@names, @sockets);
for my $place (@places) {
    my ($name, @where) = @$place;
    my $socket = opened(@where);
    push @names, $name for 1 .. $copies;
    push @sockets, $socket for 1 .. $copies;
}
# First out of the way of the descriptors they are to become; those stay open over exec.
POSIX::dup2(fileno $sockets[$_], PARKED + $_) // die "dup2: $!\n" for 0 .. $#sockets;
for my $index (0 .. $#sockets) {
    POSIX::dup2(PARKED + $index, FIRST_DESCRIPTOR + $index) // die "dup2: $!\n";
    POSIX::close(PARKED + $index);
}

@ENV{qw(LISTEN_PID LISTEN_FDS LISTEN_FDNAMES)} = ($$, scalar @names, join ':', @names);
exec 'setpriv', '--reuid', $user, '--regid', $user, '--clear-groups', '--bounding-set=-all', '--no-new-privs', '--', @ARGV;
die "setpriv: $!\n";
