package niter.card.ebs;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import java.util.regex.Pattern;
import niter.controller.control.CardEvents;
import niter.controller.control.FunctionKeys;
import niter.controller.control.MetricsText;
import niter.controller.control.Specification;
import niter.controller.control.protocol.CreateVolume;
import niter.controller.control.protocol.Done;
import niter.controller.control.protocol.EnsureFunction;
import niter.controller.control.protocol.Failed;
import niter.controller.control.protocol.FromCard;
import niter.controller.control.protocol.Function;
import niter.controller.control.protocol.Functions;
import niter.controller.control.protocol.ToCard;
import niter.linux.Descriptor;
import niter.linux.LinuxException;
import niter.pcie.Escrow;
import niter.pcie.PrefixedEscrow;
import org.jspecify.annotations.Nullable;

/** The card: volumes, and the functions that serve them. Requests may come from any thread. */
final class Card {
    private static final System.Logger LOG = System.getLogger(Card.class.getName());
    private static final Pattern DEVICE_NAME = Pattern.compile("[a-z0-9/]{0,32}");

    /** How long writes of a process that was killed may still run. */
    private static final long PATIENCE_MILLIS = 10_000;

    private static final long FIRST_PAUSE_MILLIS = 100;
    private static final long LONGEST_PAUSE_MILLIS = 30_000;

    private final Volumes volumes;
    private final Escrow escrow;
    private final CardEvents events;
    private final Turns turns = new Turns();
    private final Map<String, ServedVolume> served = new ConcurrentHashMap<>();

    /** What an earlier process had of functions that are not served again yet, by function. */
    private final Map<String, Map<String, Descriptor>> left = new ConcurrentHashMap<>();

    /**
     * A card without functions.
     *
     * @param escrow the keeper
     */
    Card(Volumes volumes, Escrow escrow, CardEvents events) {
        this.volumes = volumes;
        this.escrow = escrow;
        this.events = events;
    }

    /**
     * Goes on with every function that an earlier process served, before anybody asks: each on a
     * thread of its own, so that one that has to wait holds up no other. What fails is tried again,
     * for a guest waits.
     *
     * @param given what the keeper held; taken over
     * @param serving hears once, when all functions are served again that can be, how many are not
     */
    void resume(Map<String, Descriptor> given, IntConsumer serving) {
        left.putAll(FunctionKeys.byFunction(given));
        Set<String> ids = Set.copyOf(left.keySet());
        AtomicInteger missing = new AtomicInteger(ids.size());
        AtomicInteger failed = new AtomicInteger();
        if (ids.isEmpty()) {
            serving.accept(0);
        }
        for (String id : ids) {
            Thread.ofPlatform()
                    .daemon()
                    .name("resume-" + id)
                    .start(() -> resume(id, missing, failed, serving));
        }
    }

    private void resume(
            String id, AtomicInteger missing, AtomicInteger failed, IntConsumer serving) {
        long pause = FIRST_PAUSE_MILLIS;
        try {
            boolean resumed = isResumed(id);
            if (!resumed) {
                failed.incrementAndGet();
            }
            if (missing.decrementAndGet() == 0) {
                serving.accept(failed.get());
            }
            while (!resumed) {
                Thread.sleep(pause);
                resumed = isResumed(id);
                pause = Math.min(2 * pause, LONGEST_PAUSE_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean isResumed(String id) throws InterruptedException {
        try {
            inTurn(id, () -> takeOver(id));
            return true;
        } catch (IOException | RefusedException | RuntimeException e) {
            LOG.log(System.Logger.Level.ERROR, "{0}: not resumed: {1}", id, e.getMessage());
            events.post(id, "failed", String.valueOf(e.getMessage()));
            return false;
        }
    }

    /** Serves what an earlier process left of a function; nothing, where that is done. */
    private void takeOver(String id) throws RefusedException, IOException {
        @Nullable Map<String, Descriptor> held = left.get(id);
        if (held == null) {
            return;
        }
        @Nullable Descriptor specification = held.get(FunctionKeys.SPEC);
        if (specification == null) { // it was not told to be there yet, or no longer
            forget(id);
            return;
        }
        EnsureFunction request = Specification.read(specification, EnsureFunction.parser());
        Map<String, Descriptor> given = new HashMap<>(); // duplicates, for it may fail
        boolean started = false;
        ServedVolume function;
        try {
            held.forEach((key, descriptor) -> given.put(key, descriptor.duplicate()));
            function = serve(request, new PrefixedEscrow(escrow, FunctionKeys.prefix(id)), given);
            served.put(id, function);
            started = true;
        } finally {
            if (!started) {
                given.values().forEach(Descriptor::close);
            }
        }
        dropLeft(id);
        if (function.isOutOfService()) {
            events.post(id, "out-of-service", "two processes ended while they served it");
        } else {
            events.post(id, "resumed", ""); // what was told before is over, or is told again
        }
        events.postFailure(id, function.failure());
        LOG.log(System.Logger.Level.INFO, "{0}: resumed", id);
    }

    private void dropLeft(String id) {
        @Nullable Map<String, Descriptor> held = left.remove(id);
        if (held != null) {
            held.values().forEach(Descriptor::close);
        }
    }

    /** Lets go of all that there is of a function that is not served. */
    private void forget(String id) throws IOException {
        dropLeft(id);
        new PrefixedEscrow(escrow, FunctionKeys.prefix(id)).releaseAll();
    }

    /** Does what the controller asks for; the answer has no id yet. */
    FromCard.Builder answer(ToCard request) throws InterruptedException {
        FromCard.Builder done = FromCard.newBuilder().setDone(Done.getDefaultInstance());
        try {
            switch (request.getBodyCase()) {
                case CREATE_VOLUME -> {
                    CreateVolume create = request.getCreateVolume();
                    inTurn(
                            create.getVolumeId(),
                            () ->
                                    volumes.create(
                                            create.getVolumeId(),
                                            create.getSizeBytes(),
                                            create.getSource()));
                }
                case DELETE_VOLUME -> {
                    String id = request.getDeleteVolume().getVolumeId();
                    inTurn(id, () -> volumes.delete(id));
                }
                case ENSURE_FUNCTION -> {
                    EnsureFunction ensure = request.getEnsureFunction();
                    inTurn(ensure.getVolumeId(), () -> ensure(ensure));
                }
                case REMOVE_FUNCTION -> {
                    String id = request.getRemoveFunction().getFunctionId();
                    inTurn(id, () -> remove(id));
                }
                case LIST_FUNCTIONS -> {
                    return FromCard.newBuilder().setFunctions(list());
                }
                default -> throw new RefusedException("body: expected a request");
            }
            return done;
        } catch (RefusedException | LinuxException | IOException e) {
            String message = String.valueOf(e.getMessage());
            return FromCard.newBuilder().setFailed(Failed.newBuilder().setMessage(message));
        }
    }

    private interface Action {
        void run() throws RefusedException, IOException;
    }

    private void inTurn(String volumeId, Action action)
            throws RefusedException, IOException, InterruptedException {
        turns.begin(volumeId);
        try {
            action.run();
        } finally {
            turns.end(volumeId);
        }
    }

    private void ensure(EnsureFunction request) throws RefusedException, IOException {
        check(request);
        String id = request.getFunctionId();
        takeOver(id);
        @Nullable ServedVolume before = served.get(id);
        if (before != null) {
            if (!before.request().equals(request)) {
                throw new RefusedException(
                        "function_id: " + id + " is served in another way: remove it first");
            }
            return;
        }
        PrefixedEscrow own = new PrefixedEscrow(escrow, FunctionKeys.prefix(id));
        try (Descriptor specification = Specification.write(request)) {
            own.hold(Map.of(FunctionKeys.SPEC, specification));
        }
        boolean started = false;
        try {
            ServedVolume function = serve(request, own, Map.of());
            served.put(id, function);
            started = true;
            events.postFailure(id, function.failure());
        } finally {
            if (!started) {
                own.releaseAll();
            }
        }
    }

    private void check(EnsureFunction request) throws RefusedException {
        volumes.path(request.getVolumeId()); // checks it
        if (!request.getFunctionId().equals(request.getVolumeId())) {
            throw new RefusedException(
                    "function_id: expected the volume's, got \"" + request.getFunctionId() + "\"");
        }
        if (!request.getSocketPath().startsWith("/") || request.getSocketPath().contains("\0")) {
            throw new RefusedException(
                    "socket_path: expected an absolute path, got \""
                            + request.getSocketPath()
                            + "\"");
        }
        if (!DEVICE_NAME.matcher(request.getDeviceName()).matches()) {
            throw new RefusedException(
                    "device_name: expected at most 32 of a-z, 0-9 and /, got \""
                            + request.getDeviceName()
                            + "\"");
        }
    }

    private ServedVolume serve(
            EnsureFunction request, PrefixedEscrow own, Map<String, Descriptor> given)
            throws RefusedException, IOException {
        String id = request.getFunctionId();
        Path path = volumes.path(request.getVolumeId());
        VolumeFile volume = VolumeFile.open(path, PATIENCE_MILLIS, new DiskEvents(id, events));
        boolean started = false;
        try {
            ServedVolume function = ServedVolume.start(request, volume, own, given);
            started = true;
            return function;
        } finally {
            if (!started) {
                volume.close();
            }
        }
    }

    /** Where the keeper cannot be asked it is to be repeated: the function itself has ended. */
    private void remove(String functionId) throws IOException {
        @Nullable ServedVolume function = served.remove(functionId);
        if (function == null) {
            forget(functionId);
        } else {
            function.remove();
        }
        events.forget(functionId);
    }

    private Functions list() {
        Functions.Builder all = Functions.newBuilder();
        served.values().forEach(function -> all.addFunction(function.describe()));
        left.keySet().forEach(id -> all.addFunction(describeLeft(id)));
        return all.build();
    }

    /** It serves a volume of its name, as {@link #check} demands. */
    private static Function.Builder describeLeft(String id) {
        return Function.newBuilder().setFunctionId(id).setVolumeId(id);
    }

    /** Adds what the volumes' functions count. */
    void measure(MetricsText text) {
        new TreeMap<>(served).values().forEach(function -> function.measure(text));
    }

    /** Leaves all functions to a successor. */
    void detach() {
        left.keySet().forEach(this::dropLeft);
        served.values().forEach(ServedVolume::detach);
    }

    /** Tells the controller about a volume's disk. */
    private record DiskEvents(String functionId, CardEvents events) implements DiskFull.Listener {
        @Override
        public void diskFull() {
            events.post(functionId, "disk-full", "");
        }

        @Override
        public void diskSpaceAgain() {
            events.post(functionId, "disk-space-again", "");
        }

        @Override
        public void writesLost() {
            events.post(functionId, "writes-lost", "a sync failed: attach the volume anew");
        }
    }
}
