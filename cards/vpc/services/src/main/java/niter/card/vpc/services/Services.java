package niter.card.vpc.services;

import com.google.protobuf.ByteString;
import com.google.protobuf.BytesValue;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import niter.controller.control.CardEvents;
import niter.controller.control.Specification;
import niter.controller.control.protocol.Done;
import niter.controller.control.protocol.Drop;
import niter.controller.control.protocol.EnsureMetadata;
import niter.controller.control.protocol.Failed;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.ToCard;
import niter.linux.Descriptor;
import niter.linux.LinuxException;
import org.jspecify.annotations.Nullable;

/**
 * The services, and what they know. All that they know is held by the keeper, in the words of the
 * controller, so that a successor serves before anybody asks. Requests come one at a time, from any
 * thread.
 */
final class Services implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Services.class.getName());
    private static final String METADATA = "metadata/";
    private static final String TOKEN_KEY = "token-key";
    private static final int RESOLVER_THREADS = 2;

    private final Escrow escrow;
    private final CardEvents events;
    private final Drops drops = new Drops();
    private final ExecutorService resolverThreads =
            Executors.newFixedThreadPool(
                    RESOLVER_THREADS,
                    task -> Thread.ofPlatform().daemon().name("resolver").unstarted(task));
    private final MetadataServer metadata;
    private final FrameSocket socket;
    private volatile Guests guests = Guests.NONE; // written under this

    /**
     * Goes on with what an earlier process served.
     *
     * @param path where the card connects
     * @param given what the keeper held; taken over
     * @param upstream resolvers to ask
     */
    Services(
            Path path,
            Escrow escrow,
            Map<String, Descriptor> given,
            CardEvents events,
            Supplier<List<InetSocketAddress>> upstream)
            throws IOException {
        this.escrow = escrow;
        this.events = events;
        Tokens tokens = new Tokens(tokenKey(given.get(TOKEN_KEY)), InstantSource.system());
        given.forEach(
                (key, held) -> {
                    if (key.startsWith(METADATA)) {
                        resume(key.substring(METADATA.length()), held);
                    }
                });
        metadata = new MetadataServer(() -> guests, tokens);
        socket = new FrameSocket(path, drops);
        SecureRandom random = new SecureRandom();
        Resolver resolver = new Resolver(() -> guests, new Upstream(upstream, resolverThreads));
        socket.start(
                new LinkLocal(
                        () -> guests,
                        metadata.service(),
                        resolver,
                        socket,
                        drops,
                        random::nextInt));
    }

    /** The key of the process before, or a new one. */
    private byte[] tokenKey(@Nullable Descriptor held) throws IOException {
        if (held != null) {
            try (held) {
                return Specification.read(held, BytesValue.parser()).getValue().toByteArray();
            }
        }
        byte[] key = new byte[Tokens.KEY_BYTES];
        new SecureRandom().nextBytes(key);
        try (Descriptor fresh = Specification.write(BytesValue.of(ByteString.copyFrom(key)))) {
            escrow.hold(Map.of(TOKEN_KEY, fresh));
        }
        return key;
    }

    private void resume(String id, Descriptor held) {
        try (held) {
            guests = guests.with(Checks.guest(Specification.read(held, EnsureMetadata.parser())));
        } catch (IOException | RefusedException e) { // of another version: no later try helps
            LOG.log(System.Logger.Level.ERROR, "{0}: not resumed: {1}", id, e.getMessage());
            events.post(id, "failed", String.valueOf(e.getMessage()));
        }
    }

    /** Does what the controller asks for; the answer has no id yet. */
    synchronized FromCard.Builder answer(ToCard request) {
        try {
            switch (request.getBodyCase()) {
                case ENSURE_METADATA -> ensure(request.getEnsureMetadata());
                case REMOVE_METADATA -> remove(request.getRemoveMetadata().getInterfaceId());
                case LIST_DROPS -> {
                    return drops();
                }
                default ->
                        throw new RefusedException(
                                "body: expected a request to the link-local services");
            }
            return FromCard.newBuilder().setDone(Done.getDefaultInstance());
        } catch (RefusedException | LinuxException | IOException e) {
            String message = String.valueOf(e.getMessage());
            return FromCard.newBuilder().setFailed(Failed.newBuilder().setMessage(message));
        }
    }

    private void ensure(EnsureMetadata told) throws RefusedException, IOException {
        Guest guest = Checks.guest(told); // checked before it is held
        for (Guest other : guests.all()) {
            if (other.mac() == guest.mac() && !other.id().equals(guest.id())) {
                throw new RefusedException("mac: " + told.getMac() + " is " + other.id() + "'s");
            }
        }
        @Nullable Guest there = guests.at(guest, guest.address());
        if (there != null && !there.id().equals(guest.id())) {
            throw new RefusedException(
                    "private_ipv4: " + told.getPrivateIpv4() + " is " + there.id() + "'s");
        }
        try (Descriptor specification = Specification.write(told)) {
            escrow.hold(Map.of(METADATA + guest.id(), specification));
        }
        guests = guests.with(guest);
        events.forget(guest.id());
    }

    private void remove(String id) throws IOException, RefusedException {
        if (id.isEmpty() || id.contains("/")) {
            throw new RefusedException("interface_id: expected eni-…, got \"" + id + "\"");
        }
        guests = guests.without(id);
        escrow.release(METADATA + id);
        events.forget(id);
    }

    private FromCard.Builder drops() {
        niter.controller.control.protocol.Drops.Builder all =
                niter.controller.control.protocol.Drops.newBuilder();
        for (DropReason reason : DropReason.values()) {
            if (drops.of(reason) != 0) {
                all.addDrop(
                        Drop.newBuilder().setReason(reason.name()).setPackets(drops.of(reason)));
            }
        }
        return FromCard.newBuilder().setDrops(all);
    }

    /** Leaves everything to a successor. */
    @Override
    public void close() {
        socket.close();
        metadata.close();
        resolverThreads.shutdownNow();
    }
}
