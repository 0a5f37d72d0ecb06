package niter.lab;

/** What is sent in one row of the table: frames of one size over so many flows. */
record Shape(int frameBytes, int flows) {
    /** Of a segment that crosses the VPC as one frame: its MTU is 9001 bytes. */
    static final int SEGMENT_BYTES = 9001 - 40;

    /** What Linux hands over to be cut: as many whole segments as fit into 64 KiB. */
    static final int TSO = 54 + 65_536 / SEGMENT_BYTES * SEGMENT_BYTES;

    private static final int SOURCES = 1000;

    /** Whether it is TCP that the device is to cut. */
    boolean segmented() {
        return frameBytes == TSO;
    }

    /** Packets of one direction that may be on their way: as many as find room at the other end. */
    int window() {
        return segmented() ? 16 : 512;
    }

    /** Ports of a flow, source first, as they lie in memory. */
    static int ports(int flow) {
        int source = 10_000 + flow % SOURCES;
        int destination = 20_000 + flow / SOURCES;
        return swapped(source) | swapped(destination) << 16;
    }

    /** The answer's ports. */
    static int answer(int ports) {
        return ports >>> 16 | ports << 16;
    }

    private static int swapped(int port) {
        return port >>> 8 | (port & 0xff) << 8;
    }

    /** As its row is called. */
    String name() {
        return "%s, %,d %s"
                .formatted(
                        segmented() ? "64 KiB TSO" : frameBytes + " bytes",
                        flows,
                        flows == 1 ? "flow" : "flows");
    }
}
