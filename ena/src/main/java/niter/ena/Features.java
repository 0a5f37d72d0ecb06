package niter.ena;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import niter.pcie.LogRation;

/**
 * GET_FEATURE and SET_FEATURE; a transaction is open. "Unsupported" is the only refusal that
 * drivers take for an absent feature.
 */
final class Features {
    private static final System.Logger LOG = System.getLogger(EnaController.class.getName());

    private static final int ATTRIBUTES = 1;
    private static final int MAX_QUEUES = 2;
    private static final int HINTS = 3;
    private static final int MAX_QUEUES_EXT = 7;
    private static final int HASH_FUNCTION = 10;
    private static final int OFFLOADS = 11;
    private static final int INDIRECTION_TABLE = 12;
    private static final int MTU = 14;
    private static final int HASH_INPUT = 18;
    private static final int MODERATION = 20;
    private static final int EVENT_CONFIG = 26;
    private static final int LINK = 27;
    private static final int HOST_ATTRIBUTES = 28;
    private static final int SUPPORTED =
            1 << ATTRIBUTES
                    | 1 << MAX_QUEUES
                    | 1 << HINTS
                    | 1 << MAX_QUEUES_EXT
                    | 1 << HASH_FUNCTION
                    | 1 << OFFLOADS
                    | 1 << INDIRECTION_TABLE
                    | 1 << MTU
                    | 1 << HASH_INPUT
                    | 1 << MODERATION
                    | 1 << EVENT_CONFIG
                    | 1 << LINK
                    | 1 << HOST_ATTRIBUTES;

    /** ENI statistics and customer metrics. */
    private static final int CAPABILITIES = 1 | 1 << 2;

    /**
     * How long drivers are asked to wait before they reset the adapter: a process that is killed
     * again and again, on a busy host, is a pause too. Their own is five or six seconds.
     */
    static final int PATIENCE_MILLIS = 20_000;

    private static final int ADDRESS_BITS = 48;
    private static final int TX_HEADER_BYTES = 128; // 0 or 256 makes every ifup fail
    private static final int TX_OFFLOADS = 0xff; // sums, partial and full, TSO4, TSO6, ECN
    private static final int RX_OFFLOADS = 0xf; // IPv4 sum, TCP and UDP over both, hash
    private static final int SMALLEST_MTU = 68; // RFC 791
    private static final int SPEED_MEGABITS = 10_000;
    private static final int SPEED_10G = 1 << 3;
    private static final int FULL_DUPLEX = 2;
    private static final int HOST_INFO_BYTES = 4096;

    private final EnaIdentity identity;
    private final SlotState slot;
    private final HashFeatures hash;
    private final String id;
    private final LogRation ration;
    private final MemorySegment page = Arena.ofAuto().allocate(HOST_INFO_BYTES, 8);
    private final HostBuffer host;

    Features(
            EnaIdentity identity,
            SlotState slot,
            HashFeatures hash,
            HostBuffer host,
            String id,
            LogRation ration) {
        this.identity = identity;
        this.slot = slot;
        this.hash = hash;
        this.host = host;
        this.id = id;
        this.ration = ration;
    }

    int get(AdminCommand command) {
        switch (command.u8(17)) {
            case ATTRIBUTES -> attributes(command);
            case MAX_QUEUES -> maxQueues(command);
            case HINTS -> {
                command.answer16(10, PATIENCE_MILLIS); // keep-alive
                command.answer16(12, PATIENCE_MILLIS); // a completion of a sent packet
                command.answer16(18, PATIENCE_MILLIS); // a queue that stands still
            }
            case MAX_QUEUES_EXT -> maxQueuesExt(command);
            case HASH_FUNCTION -> {
                return hash.getFunction(command);
            }
            case OFFLOADS -> {
                command.answer32(8, TX_OFFLOADS);
                command.answer32(12, RX_OFFLOADS);
                command.answer32(16, RX_OFFLOADS);
            }
            case INDIRECTION_TABLE -> {
                return hash.getTable(command);
            }
            case HASH_INPUT -> {
                return hash.getInput(command);
            }
            case MODERATION -> command.answer16(8, 1); // delays in µs
            case EVENT_CONFIG -> {
                command.answer32(8, Events.SUPPORTED);
                command.answer32(12, slot.groups());
            }
            case LINK -> {
                command.answer32(8, SPEED_MEGABITS);
                command.answer32(12, SPEED_10G);
                command.answer32(16, FULL_DUPLEX);
            }
            default -> {
                return Status.UNSUPPORTED;
            }
        }
        return Status.SUCCESS;
    }

    private void attributes(AdminCommand command) {
        command.answer32(8, 1);
        command.answer32(12, Register.VERSION_VALUE);
        command.answer32(16, SUPPORTED);
        command.answer32(20, CAPABILITIES);
        command.answer32(24, ADDRESS_BITS);
        command.answer32(28, ADDRESS_BITS);
        for (int i = 0; i < 6; i++) {
            command.answer8(32 + i, (int) (identity.mac() >>> 40 - 8 * i));
        }
        command.answer32(40, identity.maxMtu());
    }

    private static void maxQueues(AdminCommand command) {
        command.answer32(8, Limits.PAIRS);
        command.answer32(12, Limits.MAX_DEPTH);
        command.answer32(16, Limits.PAIRS);
        command.answer32(20, Limits.MAX_DEPTH);
        command.answer32(32, TX_HEADER_BYTES);
        command.answer16(36, Limits.REPORTED_DESCRIPTORS);
        command.answer16(38, Limits.REPORTED_DESCRIPTORS);
    }

    private static void maxQueuesExt(AdminCommand command) {
        command.answer8(8, 1);
        for (int offset = 12; offset <= 24; offset += 4) {
            command.answer32(offset, Limits.PAIRS);
        }
        for (int offset = 28; offset <= 40; offset += 4) {
            command.answer32(offset, Limits.MAX_DEPTH);
        }
        command.answer32(44, TX_HEADER_BYTES);
        command.answer16(48, Limits.REPORTED_DESCRIPTORS);
        command.answer16(50, Limits.REPORTED_DESCRIPTORS);
    }

    int set(AdminCommand command) {
        return switch (command.u8(17)) {
            case HASH_FUNCTION -> hash.setFunction(command);
            case INDIRECTION_TABLE -> hash.setTable(command);
            case MTU -> mtu(command.u32(20));
            case HASH_INPUT -> hash.setInput(command);
            case EVENT_CONFIG -> events(command.u32(24));
            case HOST_ATTRIBUTES -> hostAttributes(command.address(20));
            default -> Status.UNSUPPORTED;
        };
    }

    private int mtu(int bytes) {
        if (bytes < SMALLEST_MTU || bytes > identity.maxMtu()) {
            return Status.ILLEGAL_PARAMETER;
        }
        slot.mtu(bytes);
        return Status.SUCCESS;
    }

    private int events(int groups) {
        if ((groups & ~Events.SUPPORTED) != 0) {
            return Status.ILLEGAL_PARAMETER;
        }
        slot.groups(groups);
        return Status.SUCCESS;
    }

    /** The page is read now and never again: a driver that was refused frees it. */
    private int hostAttributes(long address) {
        if (address == 0) {
            return Status.SUCCESS; // only the debug area, which nobody writes
        }
        long at = host.address(address, HOST_INFO_BYTES, false);
        if (at == 0) {
            return Status.ILLEGAL_PARAMETER;
        }
        MemorySegment.copy(niter.linux.Memory.all(), at, page, 0, HOST_INFO_BYTES);
        int version = page.get(Limits.LE32, 172);
        ration.log(
                LOG,
                System.Logger.Level.INFO,
                "{0}: driver of {1}, version {2}.{3}.{4}{5}, features {6}, {7} processors",
                id,
                system(page.get(Limits.LE32, 0)),
                version & 0xff,
                version >>> 8 & 0xff,
                version >>> 16 & 0xff,
                module(version >>> 24),
                Integer.toHexString(page.get(Limits.LE32, 192)),
                page.get(ValueLayout.JAVA_SHORT_UNALIGNED, 188) & 0xffff);
        return Status.SUCCESS;
    }

    private static String system(int type) {
        return switch (type) {
            case 1 -> "Linux";
            case 2 -> "Windows";
            case 3 -> "DPDK";
            case 4 -> "FreeBSD";
            case 5 -> "iPXE";
            case 6 -> "ESXi";
            case 7 -> "macOS";
            default -> "system " + type;
        };
    }

    /** The module type is a letter: "K" is the kernel's own driver. */
    private static String module(int letter) {
        return Character.isLetterOrDigit(letter) && letter < 0x80 ? Character.toString(letter) : "";
    }
}
