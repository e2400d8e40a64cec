# Carries all mailboxes of one account to another by Mail::IMAPClient: bytes, flags and dates.
# The two servers are in POSTERN_TEST_MIGRATION: for each, host, port, user, password, and whether by TLS.
use strict;
use warnings;
use IO::Socket::SSL;
use JSON::PP;
use Mail::IMAPClient;

my $facts = decode_json( $ENV{POSTERN_TEST_MIGRATION} );

sub sign_in {
    my ($server) = @_;
    my $client = Mail::IMAPClient->new(
        Server   => '127.0.0.1',
        Port     => $server->{port},
        User     => $server->{user},
        Password => $server->{password},
        Uid      => 1,
        Ssl      => $server->{tls} ? [ SSL_verify_mode => IO::Socket::SSL::SSL_VERIFY_NONE ] : 0,
    ) or die "connect: $@";
    die $client->LastError unless $client->IsAuthenticated;
    return $client;
}

# All mailboxes at once, each over connections of its own: after a message Perl sends its last line apart, and the
# two systems need 40 ms to agree on that (Nagle's algorithm and a delayed acknowledgement).
my $from = sign_in( $facts->{from} );
my @children;
for my $folder ( $from->folders ) {
    my $child = fork // die "fork: $!";
    if ( $child == 0 ) {
        carry( $folder, sign_in( $facts->{from} ), sign_in( $facts->{to} ) );
        exit 0;
    }
    push @children, $child;
}
my $failed = 0;
for my $child (@children) {
    waitpid $child, 0;
    $failed = 1 if $?;
}
exit $failed;

sub carry {
    my ( $folder, $from, $to ) = @_;
    $from->examine($folder) or die "EXAMINE $folder: " . $from->LastError;
    # Whoever makes a mailbox below it at the same time has made it too.
    $to->exists($folder) or $to->create($folder) or $to->exists($folder) or die "CREATE $folder: " . $to->LastError;
    $to->subscribe($folder) or die "SUBSCRIBE $folder: " . $to->LastError;
    # It looks there which flags may be kept.
    $to->select($folder) or die "SELECT $folder: " . $to->LastError;
    my $messages = $from->messages or die "SEARCH in $folder: " . $from->LastError;
    if (@$messages) {
        $from->migrate( $to, $messages, $folder ) or die "APPEND to $folder: " . $from->LastError;
    }
    $_->logout for $from, $to;
}
