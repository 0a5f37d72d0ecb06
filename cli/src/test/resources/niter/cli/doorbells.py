# A guest that takes its own disk's registers from the kernel and writes garbage to them, in rings, lists and
# doorbells. What the device may write to are pages of this process alone. Says how often it rang.
import ctypes
import mmap
import os
import random
import struct
import sys
import time

DEVICE = "/sys/bus/pci/devices/0000:00:04.0/"
CSTS, AQA, ASQ, ACQ, CC, DOORBELLS = 0x1C, 0x24, 0x28, 0x30, 0x14, 0x1000
PAGE, PAGES, ENTRIES = 4096, 64, 32
end = time.monotonic() + int(sys.argv[1])
random.seed(int(sys.argv[2]))

# Once the disk is gone nothing can be read from it: neither this program nor what it needs.
libc = ctypes.CDLL(None, use_errno=True)
if libc.mlockall(3):
    raise OSError(ctypes.get_errno(), "mlockall")
memory = mmap.mmap(-1, PAGE * PAGES, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
    pages = []
    for page in range(PAGES):
        memory[page * PAGE] = 1
        pagemap.seek((address // PAGE + page) * 8)
        pages.append((struct.unpack("Q", pagemap.read(8))[0] & (1 << 55) - 1) * PAGE)
assert all(pages), "no physical addresses"


def sysfs(name, data, offset=0):
    to = os.open(DEVICE + name, os.O_WRONLY)
    os.pwrite(to, data, offset)
    os.close(to)


with open(DEVICE + "vendor") as vendor:
    assert vendor.read().strip() == "0x1d0f"
sysfs("driver/unbind", b"0000:00:04.0")
sysfs("enable", b"1")
sysfs("config", struct.pack("<H", 6), 4)
bar = os.open(DEVICE + "resource0", os.O_RDWR)
registers = mmap.mmap(bar, 0x4000)
dwords = memoryview(registers).cast("I")


def write(offset, value):
    dwords[offset // 4] = value & 0xFFFFFFFF


def write8(offset, value):
    write(offset, value)
    write(offset + 4, value >> 32)


def wait(bit):
    for _ in range(2000):
        status = dwords[CSTS // 4]
        if status & 1 == bit or status & 2:
            return


def where():
    kind = random.randrange(8)
    if kind == 0:
        return random.getrandbits(64) | 1 << 60  # no memory
    return random.choice(pages) + (random.randrange(PAGE) if kind == 1 else 0)


def entry(page, slot, opcode, dword10=None, dword11=None, prp=None):
    data = struct.pack(
        "<IIQQQQIIIIII", opcode | random.getrandbits(16) << 16, random.choice((0, 1, 1, 1, 0xFFFFFFFF)),
        0, 0, where() if prp is None else prp, where(),
        random.getrandbits(32 if random.random() < 0.2 else 8) if dword10 is None else dword10,
        random.getrandbits(32) if dword11 is None else dword11,
        random.getrandbits(32 if random.random() < 0.2 else 6), random.getrandbits(32), 0, 0)
    memory[page * PAGE + slot * 64:page * PAGE + slot * 64 + 64] = data


def start():
    """As a driver does it, then one queue pair; what its pages hold later is another matter."""
    write(CC, 0)
    wait(0)
    memory[0:4 * PAGE] = bytes(4 * PAGE)
    write(AQA, ENTRIES - 1 | ENTRIES - 1 << 16)
    write8(ASQ, pages[0])
    write8(ACQ, pages[1])
    write(CC, 0x460001)
    wait(1)
    entry(0, 0, 5, 1 | ENTRIES - 1 << 16, 1, pages[3])
    entry(0, 1, 1, 1 | ENTRIES - 1 << 16, 1 | 1 << 16, pages[2])
    write(DOORBELLS, 2)


rings = starts = 0
while time.monotonic() < end:
    start()
    starts += 1
    for _ in range(random.randrange(1, 400)):
        kind = random.randrange(20)
        if kind < 8:
            slot = random.randrange(ENTRIES)
            entry(2, slot, random.choice((0, 1, 2, 2, 8, 9, 0x0C)))
            write(DOORBELLS + 8, random.randrange(ENTRIES))
        elif kind < 11:
            entry(0, random.randrange(ENTRIES), random.choice((0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 0x7C)))
            write(DOORBELLS, random.randrange(ENTRIES))
        elif kind < 13:
            write(DOORBELLS + 8 + 4, random.randrange(ENTRIES))
        elif kind < 15:
            write(DOORBELLS + 4 * random.randrange(70), random.getrandbits(32 if kind == 13 else 10))
        elif kind < 18:
            at = random.randrange(PAGE * PAGES // 8) * 8  # a list or a ring that changes while it is read
            memory[at:at + 8] = struct.pack("<Q", where())
        elif kind == 18:
            write(4 * random.randrange(9), random.getrandbits(32))
        else:
            dwords[random.randrange(0x1000)]
        rings += 1
write(CC, 0)
wait(0)
print("rang", rings, "starts", starts, "status", dwords[CSTS // 4], flush=True)
