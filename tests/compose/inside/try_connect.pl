# Run in a container: tries each "address port" of its arguments, all at once, and prints those that let it in.
# In Perl because every Debian image has it.
use strict;
use warnings;
use Errno qw(EINPROGRESS);
use IO::Select;
use Socket qw(:DEFAULT SOCK_NONBLOCK SOL_SOCKET SO_ERROR);

my $PATIENCE_S = 3;
my $trying = IO::Select->new;
my %place;

for (@ARGV) {
    my ($address, $port) = split;
    socket(my $socket, PF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0) or die "socket: $!";
    my $connected = connect($socket, sockaddr_in($port, inet_aton($address)));
    next unless $connected || $! == EINPROGRESS;
    $place{$socket} = $_;
    $trying->add($socket);
}

my $deadline = time + $PATIENCE_S;
while ($trying->count && (my $left = $deadline - time) > 0) {
    for my $socket ($trying->can_write($left)) {
        print "$place{$socket}\n" if unpack("i", getsockopt($socket, SOL_SOCKET, SO_ERROR)) == 0;
        $trying->remove($socket);
    }
}
