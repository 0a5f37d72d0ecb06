package niter.pcie;

/**
 * Numbers of the vfio-user protocol, version 0.0 (docs/interop/vfio-user.rst in QEMU). Everything
 * is little-endian, which is the byte order of the host.
 */
final class Wire {
    static final int HEADER_BYTES = 16;

    /** Payload bytes that a region access may carry; announced as max_data_xfer_size. */
    static final int MAX_DATA_BYTES = 4096;

    /** The longest request: a REGION_WRITE, or SET_IRQS with 2048 booleans; VERSION is shorter. */
    static final int MAX_REQUEST_BYTES = HEADER_BYTES + 32 + MAX_DATA_BYTES;

    /** The longest reply: a REGION_READ. */
    static final int MAX_REPLY_BYTES = MAX_REQUEST_BYTES;

    /** Descriptors that one message may bring; announced as max_msg_fds. */
    static final int MAX_DESCRIPTORS = 16;

    /** DMA ranges; announced as max_dma_maps. */
    static final int MAX_DMA_MAPS = 256;

    // Header fields.
    static final int ID = 0;
    static final int COMMAND = 2;
    static final int SIZE = 4;
    static final int FLAGS = 8;
    static final int ERROR = 12;

    static final int TYPE_MASK = 0xf;
    static final int TYPE_COMMAND = 0;
    static final int TYPE_REPLY = 1;
    static final int NO_REPLY = 0x10;
    static final int IS_ERROR = 0x20;

    static final int VERSION = 1;
    static final int DMA_MAP = 2;
    static final int DMA_UNMAP = 3;
    static final int DEVICE_GET_INFO = 4;
    static final int DEVICE_GET_REGION_INFO = 5;
    static final int DEVICE_GET_REGION_IO_FDS = 6;
    static final int DEVICE_GET_IRQ_INFO = 7;
    static final int DEVICE_SET_IRQS = 8;
    static final int REGION_READ = 9;
    static final int REGION_WRITE = 10;
    static final int DMA_WRITE = 12; // from the server to its client
    static final int DEVICE_RESET = 13;

    static final int MAP_READ = 1;
    static final int MAP_WRITE = 2;
    static final int UNMAP_ALL = 2;

    static final int DEVICE_RESETS = 1;
    static final int DEVICE_IS_PCI = 2;

    // Regions: 0 to 5 are the BARs.
    static final int REGION_CONFIG = 7;
    static final int REGIONS = 9;
    static final int REGION_IS_READABLE = 1;
    static final int REGION_IS_WRITABLE = 2;

    // Interrupts: 0 INTx, 1 MSI, 2 MSI-X, 3 error, 4 request.
    static final int IRQ_MSIX = 2;
    static final int IRQ_ERROR = 3;
    static final int IRQS = 5;
    static final int IRQ_IS_EVENTFD = 1;

    static final int SET_NONE = 0x1;
    static final int SET_BOOL = 0x2;
    static final int SET_EVENTFD = 0x4;
    static final int SET_MASK = 0x8;
    static final int SET_UNMASK = 0x10;
    static final int SET_TRIGGER = 0x20;

    private Wire() {}
}
