#!/bin/sh
# A TAP device as the way out, which needs root: unshare --net tap.sh NITER
set -eu
niter=$1

fail() {
    printf 'tap.sh: %s\n' "$*" >&2
    exit 1
}

ip link set dev lo up
ip address add 198.51.100.1/32 dev lo # the world, as far as this network namespace goes
ip tuntap add dev niter0 mode tap user "$(id -un)"
said=$("$niter" up --tap niter0 2>&1) && fail 'a device of another address was taken'
case $said in *"expected the address 0e:00:ac:1f:00:00"*) ;; *) fail "it said: $said" ;; esac
ip link set dev niter0 address 0e:00:ac:1f:00:00 up
ip address add 192.0.0.2/32 dev niter0
ip route add 172.31.0.0/20 dev niter0 src 192.0.0.2

"$niter" up --tap niter0
trap '"$niter" down' EXIT
said=$("$niter" up --no-tap 2>&1) && fail 'it changed under running instances'
case $said in *"niter is up: niter down first"*) ;; *) fail "it said: $said" ;; esac
"$niter" run --detach --name one >/dev/null
"$niter" ports | grep -q '172\.31\.0\.4:22' || fail "no port at the instance's own address"
[ "$("$niter" ssh one 'echo $SSH_CLIENT' | cut -d' ' -f1)" = 192.0.0.2 ] || fail 'no way in'
"$niter" ssh one ping -c 1 -W 10 198.51.100.1 >/dev/null || fail 'no way out'
"$niter" ssh one ping -c 1 -W 1 192.0.0.2 >/dev/null && fail 'callers are called'
pid=$("$niter" processes | awk '$1 == "uplink" { print $2 }')
kill -KILL "$pid"
[ "$("$niter" ssh one echo again)" = again ] || fail 'no way in after its process was killed'
"$niter" down
ip link delete niter0 # as a restart of the host does
said=$("$niter" up 2>&1) && fail 'it is up without its device'
case $said in *"there is no such interface"*"niter up --no-tap"*) ;; *) fail "it said: $said" ;; esac
"$niter" up --no-tap
"$niter" ports | grep -q '127\.42\.' || fail 'no way back to the user-mode network'
printf 'tap.sh: passed\n'
