package niter.card.vpc;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import niter.controller.control.CardEvents;
import niter.controller.control.FunctionKeys;
import niter.controller.control.MetricsText;
import niter.controller.control.Specification;
import niter.controller.control.protocol.Done;
import niter.controller.control.protocol.Drop;
import niter.controller.control.protocol.Drops;
import niter.controller.control.protocol.EnsureInterface;
import niter.controller.control.protocol.Failed;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.Functions;
import niter.controller.control.protocol.SetNetwork;
import niter.controller.control.protocol.ToCard;
import niter.ena.Frame;
import niter.linux.Descriptor;
import niter.linux.FileIo;
import niter.linux.LinuxException;
import niter.linux.Mapping;
import niter.linux.MemoryFile;
import niter.pcie.Core;
import niter.pcie.Escrow;
import niter.pcie.PrefixedEscrow;
import org.jspecify.annotations.Nullable;

/**
 * The card: a VPC, and the functions that serve its interfaces, all on one core. Requests come one
 * at a time, from any thread.
 */
final class Card implements Vpc.Outlets {
    private static final System.Logger LOG = System.getLogger(Card.class.getName());

    /** Places in the flow table; a measurement of more flows gives another number. */
    private static final int FLOWS = Integer.getInteger("niter.vpc.flows", 262_144);

    // With the keeper, beside the functions.
    private static final String FLOW_TABLE = "card/flows";
    private static final String NETWORK = "card/network";

    /** In the list of drops: what came by the uplink and was for no interface. */
    private static final String UPLINK = "uplink";

    /** The same of what came from the link-local services' process. */
    private static final String SERVICES = "services";

    private final Escrow escrow;
    private final CardEvents events;
    private final Core core = new Core("core");
    private final Outlet services;
    private final Outlet uplink;
    private final Vpc vpc;
    private final Captures captures;
    private final Map<String, ServedInterface> served = new TreeMap<>(); // guarded by this
    private boolean resumedAll = true; // guarded by this

    /**
     * Goes on with what an earlier process served, before anybody asks.
     *
     * @param given what the keeper held; taken over
     * @throws LinuxException if this process has no memory or descriptors left for that: it is to
     *     end, and the next one tries
     */
    Card(Escrow escrow, Map<String, Descriptor> given, CardEvents events, Neighbours neighbours)
            throws IOException {
        this.escrow = escrow;
        this.events = events;
        services =
                new Outlet(neighbours.services, Outlet.Framing.PACKETS, core, this::fromServices);
        uplink = new Outlet(neighbours.uplink, Outlet.Framing.LENGTHS, core, this::fromUplink);
        vpc = new Vpc(flows(given.get(FLOW_TABLE)), FLOWS, System::nanoTime, this);
        captures = new Captures(neighbours.captures, core, vpc);
        FunctionKeys.byFunction(given).forEach(this::resume);
        @Nullable Descriptor network = given.get(NETWORK);
        if (network != null) {
            try (network) {
                Configuration next =
                        Configurations.network(Specification.read(network, SetNetwork.parser()));
                // Behind the interfaces: the one before may have been told, and not have decided.
                core.execute(() -> vpc.apply(next));
            } catch (RefusedException e) {
                LOG.log(System.Logger.Level.ERROR, "network: {0}", e.getMessage());
            }
        }
        core.start(); // all of them at once
        resumed();
        services.start();
        uplink.start();
        captures.start();
    }

    /**
     * Sockets of those that the card hands frames to.
     *
     * @param services where the link-local services listen
     * @param uplink where the uplink listens
     * @param captures where the card listens for those who want to see packets
     */
    record Neighbours(Path services, Path uplink, Path captures) {}

    @Override
    public boolean toServices(Frame frame) {
        return services.send(frame);
    }

    @Override
    public boolean toUplink(Frame frame) {
        return uplink.send(frame);
    }

    private void fromServices(Frame frame) {
        vpc.fromServices(frame);
    }

    private void fromUplink(Frame frame) {
        vpc.fromUplink(frame);
    }

    /**
     * The table of the process before, or a new one: also where that process was another version,
     * whose flows are then decided again.
     */
    private FlowTable flows(@Nullable Descriptor held) throws IOException {
        long bytes = FlowTable.bytes(FLOWS);
        if (held != null) {
            try (held) {
                if (FileIo.size(held.number()) != bytes) {
                    throw new IllegalArgumentException("flow table: expected " + bytes + " bytes");
                }
                return FlowTable.over(Mapping.map(held.number(), 0, bytes, true).segment());
            } catch (IllegalArgumentException e) {
                LOG.log(System.Logger.Level.WARNING, "flows are forgotten: {0}", e.getMessage());
            }
        }
        try (Descriptor fresh = MemoryFile.create("flows", bytes)) {
            escrow.hold(Map.of(FLOW_TABLE, fresh));
            return FlowTable.over(Mapping.map(fresh.number(), 0, bytes, true).segment());
        }
    }

    /** Says so of all that are served, where defects are told too: a later one stays the word. */
    private synchronized void resumed() {
        Map<String, ServedInterface> all = Map.copyOf(served);
        core.ask(
                () -> {
                    all.forEach(this::tellResumed);
                    return true;
                });
    }

    private void tellResumed(String id, ServedInterface function) {
        if (function.isOutOfService()) {
            events.post(id, "out-of-service", "two processes ended while they served it");
        } else if (!function.failure().toCompletableFuture().isDone()) {
            events.post(id, "resumed", "");
        }
    }

    private synchronized void resume(String functionId, Map<String, Descriptor> held) {
        PrefixedEscrow own = ServedInterface.escrow(escrow, functionId);
        try {
            @Nullable Descriptor specification = held.remove(FunctionKeys.SPEC);
            if (specification == null) { // it was not told to be there yet, or no longer
                held.values().forEach(Descriptor::close);
                own.releaseAll();
                return;
            }
            EnsureInterface request;
            try (specification) {
                request = Specification.read(specification, EnsureInterface.parser());
            }
            serve(functionId, ServedInterface.start(request, core, vpc, own, held));
            LOG.log(System.Logger.Level.INFO, "{0}: resumed", functionId);
        } catch (IOException | RefusedException e) { // of another version: no later try helps
            LOG.log(System.Logger.Level.ERROR, "{0}: not resumed: {1}", functionId, e.getMessage());
            events.post(functionId, "failed", String.valueOf(e.getMessage()));
            resumedAll = false;
        }
    }

    private void serve(String id, ServedInterface one) {
        served.put(id, one);
        events.postFailure(id, one.failure());
    }

    /** Whether every function that an earlier process served is served again. */
    synchronized boolean hasResumedAll() {
        return resumedAll;
    }

    /** Does what the controller asks for; the answer has no id yet. */
    synchronized FromCard.Builder answer(ToCard request) {
        FromCard.Builder done = FromCard.newBuilder().setDone(Done.getDefaultInstance());
        try {
            switch (request.getBodyCase()) {
                case ENSURE_INTERFACE -> ensure(request.getEnsureInterface());
                case SET_NETWORK -> setNetwork(request.getSetNetwork());
                case REMOVE_FUNCTION -> remove(request.getRemoveFunction().getFunctionId());
                case LIST_FUNCTIONS -> {
                    Functions.Builder all = Functions.newBuilder();
                    served.values().forEach(one -> all.addFunction(one.describe()));
                    return FromCard.newBuilder().setFunctions(all);
                }
                case LIST_DROPS -> {
                    return FromCard.newBuilder().setDrops(drops());
                }
                default -> throw new RefusedException("body: expected a request to a VPC card");
            }
            return done;
        } catch (RefusedException | LinuxException | IOException e) {
            String message = String.valueOf(e.getMessage());
            return FromCard.newBuilder().setFailed(Failed.newBuilder().setMessage(message));
        }
    }

    private void ensure(EnsureInterface request) throws RefusedException, IOException {
        String id = request.getFunctionId();
        if (id.isEmpty() || !id.equals(request.getInterface().getInterfaceId())) {
            throw new RefusedException("function_id: expected the interface's, got \"" + id + "\"");
        }
        if (!request.getSocketPath().startsWith("/") || request.getSocketPath().contains("\0")) {
            throw new RefusedException(
                    "socket_path: expected an absolute path, got \""
                            + request.getSocketPath()
                            + "\"");
        }
        @Nullable ServedInterface before = served.get(id);
        if (before != null) {
            if (!before.request().equals(request)) {
                throw new RefusedException(
                        "function_id: " + id + " is served in another way: remove it first");
            }
            return;
        }
        Configurations.networkInterface(request.getInterface()); // checked before it is held
        PrefixedEscrow own = ServedInterface.escrow(escrow, id);
        try (Descriptor specification = Specification.write(request)) {
            own.hold(Map.of(FunctionKeys.SPEC, specification));
        }
        boolean started = false;
        try {
            serve(id, ServedInterface.start(request, core, vpc, own, new HashMap<>()));
            started = true;
        } finally {
            if (!started) {
                own.releaseAll();
            }
        }
    }

    private void setNetwork(SetNetwork network) throws RefusedException, IOException {
        Configurations.network(network); // checked before it is held
        try (Descriptor specification = Specification.write(network)) {
            escrow.hold(Map.of(NETWORK, specification));
        }
        apply(network);
    }

    /** In force when this returns. */
    private void apply(SetNetwork network) throws RefusedException {
        Configuration next = Configurations.network(network);
        core.ask(
                () -> {
                    vpc.apply(next);
                    return true;
                });
    }

    private void remove(String functionId) throws IOException {
        @Nullable ServedInterface gone = served.remove(functionId);
        if (gone == null) {
            ServedInterface.escrow(escrow, functionId).releaseAll();
            return;
        }
        core.execute(() -> captures.ended(functionId)); // while the interface is known
        gone.remove();
        events.forget(functionId);
    }

    private Drops drops() {
        return core.ask(
                () -> {
                    Drops.Builder drops = Drops.newBuilder();
                    for (ServedInterface one : served.values()) {
                        add(drops, one.request().getFunctionId(), one.attachment().drops());
                    }
                    add(drops, UPLINK, vpc.uplinkDrops());
                    add(drops, SERVICES, vpc.servicesDrops());
                    return drops.build();
                });
    }

    private static void add(Drops.Builder drops, String interfaceId, DropCounts counts) {
        for (DropReason reason : DropReason.values()) {
            if (counts.of(reason) != 0) {
                drops.addDrop(
                        Drop.newBuilder()
                                .setInterfaceId(interfaceId)
                                .setReason(reason.name())
                                .setPackets(counts.of(reason)));
            }
        }
    }

    /** Adds what is counted; one short order for the core. */
    synchronized void measure(MetricsText text) {
        core.ask(
                () -> {
                    served.values().forEach(one -> one.measure(text));
                    served.forEach((id, one) -> measure(text, id, one.attachment().drops()));
                    measure(text, UPLINK, vpc.uplinkDrops());
                    measure(text, SERVICES, vpc.servicesDrops());
                    return true;
                });
    }

    private static void measure(MetricsText text, String interfaceId, DropCounts counts) {
        for (DropReason reason : DropReason.values()) {
            if (counts.of(reason) != 0) {
                text.counter(
                        "niter_vpc_dropped_packets_total",
                        "Packets that were dropped.",
                        counts.of(reason),
                        "interface_id",
                        interfaceId,
                        "reason",
                        reason.name().toLowerCase(Locale.ROOT).replace('_', '-'));
            }
        }
    }

    /** Leaves all functions to a successor. */
    void detach() {
        core.close();
        captures.close();
    }
}
