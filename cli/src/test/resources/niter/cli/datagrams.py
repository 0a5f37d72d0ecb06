# Datagrams of many sizes there and back, whole: "serve" echoes them, "ask ADDRESS" compares.
import random
import socket
import sys

PORT = 5005
SIZES = [1, 2, 17, 18, 63, 64, 1471, 1472, 1473, 8952, 8953, 8972, 8973, 20000, 65000]
PATIENCE = 5  # tries of two seconds: UDP may lose, but not always


def serve():
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", PORT))
    while True:
        datagram, sender = server.recvfrom(65535)
        server.sendto(datagram, sender)


def ask(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.settimeout(2)
    chance = random.Random(7)
    for size in SIZES * 4:
        payload = chance.randbytes(size)
        if not answered(client, payload, (address, PORT)):
            sys.exit("%d bytes: no answer" % size)
    print("%d datagrams of %s" % (len(SIZES) * 4, address))


def answered(client, payload, server):
    for _ in range(PATIENCE):
        client.sendto(payload, server)
        try:
            while True:
                answer = client.recv(65535)
                if answer == payload:
                    return True
                if len(answer) == len(payload):
                    sys.exit("%d bytes: changed on the way" % len(payload))
                # else a late answer to a question that was repeated
        except socket.timeout:
            pass
    return False


if sys.argv[1] == "serve":
    serve()
else:
    ask(sys.argv[2])
