# Verified load on one file, past the page cache: each block carries its number, its generation and
# a checksum. Arguments: seconds, file. Prints "started", and at its end what it did and met.
use strict;
use Fcntl;

my $blocks = 4096;
my %generation;
my ($next, $operations, $errors, $pause) = (0, 0, 0, 0);
sysopen(my $file, $ARGV[1] // '/root/load', O_RDWR | O_CREAT | 040000) or die "open: $!";    # O_DIRECT

sub block {
    my ($number, $generation) = @_;
    my $unit = pack('NN', $number, $generation);
    $unit .= pack('N', unpack('%32C*', $unit));
    return $unit x 341 . "\0" x 4;
}

sub check {
    my ($number) = @_;
    sysseek($file, $number * 4096, 0);
    my $got = sysread($file, my $bytes, 4096);
    return if defined $got && $got == 4096 && $bytes eq block($number, $generation{$number});
    print "block $number: $!\n";
    $errors++;
}

sub now {
    my $time = "\0" x 16;
    syscall(228, 1, $time);    # clock_gettime, monotonic
    my ($seconds, $nanos) = unpack('qq', $time);
    return $seconds + $nanos / 1e9;
}

$| = 1;
print "started\n";
my $last = now();
my $end  = $last + $ARGV[0];
while ($last < $end) {
    my $time = now();
    $pause = $time - $last if $time - $last > $pause;
    $last  = $time;
    my $number = int rand $blocks;
    $operations++;
    if ($generation{$number} && rand() < 0.5) {
        check($number);
        next;
    }
    $generation{$number} = ++$next;
    sysseek($file, $number * 4096, 0);
    my $put = syswrite($file, block($number, $next));
    next if defined $put && $put == 4096;
    print "write: $!\n";
    $errors++;
}
check($_) for keys %generation;
printf "operations %d, errors %d, pause %.0f ms\n", $operations, $errors, 1000 * $pause;
