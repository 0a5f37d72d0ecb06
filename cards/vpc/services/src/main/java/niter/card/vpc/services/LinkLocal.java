package niter.card.vpc.services;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import niter.controller.control.Ipv4;
import org.jspecify.annotations.Nullable;

/**
 * The network as guests see it: which address and port is what. IPv4 for now; another version has
 * another packet and the same services behind it. Only the loop's thread receives.
 */
final class LinkLocal {
    /** How the services reach the loop. */
    interface Loop extends FrameSink {
        /** Runs it on the loop's thread, soon. From any thread. */
        void execute(Runnable task);
    }

    private static final System.Logger LOG = System.getLogger(LinkLocal.class.getName());
    private static final int MOST_LOGGED = 10;

    static final int METADATA = Ipv4.address("169.254.169.254");
    static final int RESOLVER = Ipv4.address("169.254.169.253");
    static final int HTTP = 80;
    static final int DNS = 53;

    private static final int MOST_DATAGRAMS = 512; // whose answers are not there yet

    private final Supplier<Guests> guests;
    private final TcpService metadata;
    private final Resolver resolver;
    private final Loop loop;
    private final Drops drops;
    private final TcpEndpoint tcp;
    private final AtomicInteger datagrams = new AtomicInteger();

    LinkLocal(
            Supplier<Guests> guests,
            TcpService metadata,
            Resolver resolver,
            Loop loop,
            Drops drops,
            IntSupplier initialSequence) {
        this.guests = guests;
        this.metadata = metadata;
        this.resolver = resolver;
        this.loop = loop;
        this.drops = drops;
        tcp = new TcpEndpoint(loop, drops, initialSequence, () -> loop.execute(() -> {}));
    }

    /** Takes a frame of the card. Never throws: what one guest sends must not end all others. */
    void receive(byte[] frame, int bytes, long now) {
        try {
            dispatch(frame, bytes, now);
        } catch (RuntimeException e) {
            if (drops.of(DropReason.DEFECT) < MOST_LOGGED) {
                LOG.log(System.Logger.Level.ERROR, "a frame that is not understood", e);
            }
            drops.count(DropReason.DEFECT);
        }
    }

    private void dispatch(byte[] frame, int bytes, long now) {
        @Nullable Packet packet = Packet.read(frame, bytes, drops);
        if (packet == null) {
            return;
        }
        @Nullable Guest guest = guests.get().from(packet.from(), packet.source());
        switch (packet.protocol()) {
            case Packet.TCP -> tcp(packet, guest, now);
            case Packet.UDP -> udp(packet, guest);
            default -> drops.count(DropReason.UNSERVED);
        }
    }

    private void tcp(Packet packet, @Nullable Guest guest, long now) {
        @Nullable Segment segment = Segment.read(packet, drops);
        if (segment == null) {
            return;
        }
        if (guest == null) {
            drops.count(DropReason.UNKNOWN_SOURCE);
            segment.reset(loop); // at once: whoever waits for its metadata tries again
            return;
        }
        int port = segment.destinationPort();
        @Nullable TcpService service = null;
        if (packet.destination() == METADATA && port == HTTP) {
            service = metadata;
        } else if (isResolver(guest, packet.destination()) && port == DNS) {
            service = this::resolve;
        }
        tcp.receive(segment, service, now);
    }

    private static boolean isResolver(Guest guest, int address) {
        return address == RESOLVER || address == guest.resolver();
    }

    private ByteStream.Application resolve(TcpKey peer, ByteStream stream) {
        return new DnsStream(
                stream,
                (query, reply) -> {
                    @Nullable Guest guest = guests.get().from(peer.mac(), peer.source());
                    if (guest != null) {
                        resolver.answer(guest, query, false, reply);
                    }
                });
    }

    private void udp(Packet packet, @Nullable Guest guest) {
        @Nullable Datagram datagram = Datagram.read(packet, drops);
        if (datagram == null) {
            return;
        }
        if (guest == null) {
            drops.count(DropReason.UNKNOWN_SOURCE);
        } else if (!isResolver(guest, packet.destination()) || datagram.destinationPort() != DNS) {
            drops.count(DropReason.UNSERVED);
        } else {
            resolve(guest, datagram);
        }
    }

    private void resolve(Guest guest, Datagram datagram) {
        if (datagrams.get() >= MOST_DATAGRAMS) { // only where the loop cannot keep up
            drops.count(DropReason.LIMIT);
            return;
        }
        Consumer<byte[]> reply =
                answer -> {
                    datagrams.incrementAndGet();
                    loop.execute(
                            () -> {
                                datagrams.decrementAndGet();
                                datagram.answer(answer, loop);
                            });
                };
        resolver.answer(guest, datagram.payload(), true, reply);
    }

    /** Does what applications and clocks ask for. */
    void run(long now) {
        tcp.run(now);
    }

    /** When {@link #run} has something to do by itself; Long.MAX_VALUE for never. */
    long deadline() {
        return tcp.deadline();
    }
}
