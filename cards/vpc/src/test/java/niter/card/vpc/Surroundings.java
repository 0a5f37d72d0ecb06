package niter.card.vpc;

import java.util.ArrayDeque;
import java.util.Queue;
import niter.ena.Frame;

/** What lies around a VPC in tests: whatever leaves it is kept. */
final class Surroundings implements Vpc.Outlets {
    final Queue<byte[]> services = new ArrayDeque<>();
    final Queue<byte[]> uplink = new ArrayDeque<>();
    boolean there = true;

    @Override
    public boolean toServices(Frame frame) {
        return there && services.add(Packet.bytes(frame));
    }

    @Override
    public boolean toUplink(Frame frame) {
        return there && uplink.add(Packet.bytes(frame));
    }
}
