package niter.controller;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import niter.controller.control.KeeperClient;
import niter.controller.control.MetricsText;
import niter.controller.control.StateDirectory;
import niter.controller.control.protocol.Exited;
import niter.controller.control.protocol.FunctionEvent;
import niter.controller.control.protocol.KeeperEvent;
import niter.controller.control.protocol.Process;
import niter.controller.northbound.InstanceState;
import niter.controller.record.InstanceRecord;
import niter.controller.record.VolumeRecord;
import niter.controller.record.Wish;
import niter.linux.Descriptor;
import org.jspecify.annotations.Nullable;

/**
 * The host as the controller sees it: its instances, its EBS card, and the keeper that does what is
 * decided here.
 */
final class Host {
    private static final System.Logger LOG = System.getLogger(Host.class.getName());

    /** Cards that can hand over. */
    private static final Set<String> UPDATABLE = Set.of(Volumes.CARD, Network.CARD);

    /** A guest has 30 seconds to stop, after which its machine is killed. */
    private static final long MACHINES_NANOS = TimeUnit.SECONDS.toNanos(60);

    /** A card that was killed needs a second to start again. */
    private static final long RELEASE_NANOS = TimeUnit.SECONDS.toNanos(10);

    private final StateDirectory state;
    private final KeeperClient keeper;
    private final Watchers watchers;
    private final Volumes volumes;
    private final VolumeRecords volumeRecords;
    private final EbsVolumes ebsVolumes;
    private final Network network;
    private final Card ebs;
    private final Card vpc;
    private final Card services;
    private final Admission admission;
    private final Instances instances;
    private final HostParts parts;
    private final HostEvents events;
    private final Map<String, CardProcess> processes = new HashMap<>(); // by their cards

    Host(StateDirectory state, KeeperClient keeper, String java, Path dist) throws IOException {
        this.state = state;
        this.keeper = keeper;
        events = new HostEvents(EventLog.open(state.events()));
        watchers = new Watchers(state);
        watchers.add(events::instance);
        ebs = card(Volumes.CARD);
        vpc = card(Network.CARD);
        services = card(Metadata.CARD);
        volumes = new Volumes(ebs, process(Volumes.CARD, java, dist), state);
        volumeRecords = new VolumeRecords(state);
        ebsVolumes = new EbsVolumes(volumeRecords, volumes, () -> instances(), state.volumes());
        NetworkFile file =
                new NetworkFile(state, SecurityGroups.first(), () -> instances().records());
        SecurityGroups groups = new SecurityGroups(file, () -> instances().records());
        Metadata metadata = new Metadata(services, process(Metadata.CARD, java, dist), groups);
        network =
                new Network(
                        vpc,
                        process(Network.CARD, java, dist),
                        new Network.Outside(metadata, new Uplink(keeper, state)),
                        groups,
                        new PrefixLists(groups, file),
                        state,
                        () -> instances().records());
        Engines engines =
                new Engines(
                        keeper,
                        state,
                        new Engines.Program(java, dist.resolve("hypervisor.args").toString()));
        RecordStore store = new RecordStore(state);
        admission = Admission.ofHost(state.volumes());
        parts =
                new HostParts(
                        store,
                        volumes,
                        new Attachments(volumeRecords, volumes),
                        network,
                        engines,
                        state.instances(),
                        state.logs(),
                        watchers::changed,
                        this::gone);
        instances = new Instances(store, admission, parts);
    }

    private Card card(String name) {
        return new Card(name, event -> functionEvent(name, event));
    }

    private CardProcess process(String card, String java, Path dist) {
        CardProcess process = new CardProcess(card, keeper, state, java, dist);
        processes.put(card, process);
        return process;
    }

    private void gone(Instance instance) {
        instances.remove(instance);
    }

    Instances instances() {
        return instances;
    }

    Watchers watchers() {
        return watchers;
    }

    Admission admission() {
        return admission;
    }

    KeeperClient keeper() {
        return keeper;
    }

    StateDirectory state() {
        return state;
    }

    EventLog events() {
        return events.log();
    }

    /** Those that connect, by the names that they say. */
    Map<String, Card> cards() {
        return Map.of(ebs.name(), ebs, vpc.name(), vpc, services.name(), services);
    }

    Network network() {
        return network;
    }

    EbsVolumes ebsVolumes() {
        return ebsVolumes;
    }

    // ---- after a restart ---------------------------------------------------------------------

    /**
     * Learns where an earlier controller left off, or after a start of the host.
     *
     * @param given what the keeper held; taken over and emptied
     */
    void resume(Map<String, Descriptor> given) throws IOException {
        instances.load();
        keeper.events().forEach(events::keeper); // before cards say what they resumed
        Map<String, Process> processes = new HashMap<>();
        keeper.processes().forEach(process -> processes.put(process.getName(), process));
        for (Instance instance : instances.all()) {
            @Nullable Process process = processes.remove(instance.id());
            if (process != null && process.getPid() > 0) {
                instance.resume(process.getPid(), machine(instance, given));
            } else if (process != null) {
                instance.resumeEnded(exited(process));
            }
        }
        forgetStrangers(processes);
        given.values().forEach(Descriptor::close);
    }

    /** Begins to work. */
    void begin() throws IOException {
        keeper.watch(this::keeperEvent, this::lookAgain);
        lookAgain(); // what ended before the watch
        keeper.serving();
        if (isGoingDown()) {
            Thread.ofPlatform().daemon().name("shut-down").start(this::goOnShuttingDown);
        } else {
            instances.all().forEach(Instance::wake);
            Thread.ofPlatform().daemon().name("volumes").start(ebsVolumes::resume);
        }
    }

    private @Nullable Machine machine(Instance instance, Map<String, Descriptor> given) {
        String id = instance.id();
        @Nullable Descriptor console = given.remove(Machine.consoleKey(id));
        @Nullable Descriptor qmp = given.remove(Machine.qmpKey(id));
        if (console == null || qmp == null) {
            if (console != null) {
                console.close();
            }
            if (qmp != null) {
                qmp.close();
            }
            return null;
        }
        return instance.attach(console, qmp);
    }

    /** Machines whose record is gone: a terminate that was not finished to the end. */
    private void forgetStrangers(Map<String, Process> processes) throws IOException {
        for (String name : processes.keySet()) {
            if (name.startsWith("i-")) {
                parts.engines().killAndForget(name);
            }
        }
    }

    // ---- what happens ------------------------------------------------------------------------

    private void keeperEvent(KeeperEvent event) {
        events.keeper(event);
        if (event.hasExited()) {
            exited(event.getExited());
        }
    }

    private void exited(Exited event) {
        @Nullable Instance instance = instances.byId(event.getProcess());
        if (instance != null) {
            instance.ended(event);
        }
    }

    private static Exited exited(Process process) {
        String end = process.getLastEnd();
        Exited.Builder event = Exited.newBuilder().setProcess(process.getName()).setExitStatus(-1);
        if (end.startsWith("exit status ")) {
            event.setExitStatus(Integer.parseInt(end.substring("exit status ".length())));
        } else if (end.startsWith("killed by signal ")) {
            event.setSignal(Integer.parseInt(end.substring("killed by signal ".length())));
        }
        return event.build();
    }

    /** The keeper was restarted: ends may have gone unseen. */
    private void lookAgain() {
        try {
            keeper.events().forEach(events::keeper);
            Map<String, Process> processes = new HashMap<>();
            keeper.processes().forEach(process -> processes.put(process.getName(), process));
            for (Instance instance : instances.all()) {
                @Nullable Process process = processes.get(instance.id());
                if (process == null) {
                    instance.ended(
                            Exited.newBuilder()
                                    .setProcess(instance.id())
                                    .setExitStatus(-1)
                                    .build());
                } else if (process.getPid() == 0) {
                    instance.ended(exited(process));
                }
            }
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "keeper: {0}", e.getMessage());
        }
    }

    private void functionEvent(String card, FunctionEvent event) {
        events.function(card, event);
        String volume = event.getFunctionId();
        LOG.log(
                System.Logger.Level.WARNING,
                "{0}: {1} {2}",
                volume,
                event.getEvent(),
                event.getDetail());
        String note =
                switch (event.getEvent()) {
                    case "disk-full" ->
                            "no space left for %s: its writes fail: make room in %s"
                                    .formatted(volume, state.volumes());
                    case "disk-space-again", "resumed" -> "";
                    default -> volume + ": " + event.getEvent() + " " + event.getDetail();
                };
        owners(volume).forEach(instance -> instance.note(note));
    }

    /** Whose a function is: of one instance, or of none. */
    private List<Instance> owners(String function) {
        String attachedTo = owner(function);
        List<Instance> owners = new ArrayList<>();
        for (Instance instance : instances.all()) {
            InstanceRecord record = instance.record();
            if (record.getVolumeId().equals(function)
                    || record.getInterfaceId().equals(function)
                    || record.getInstanceId().equals(attachedTo)) {
                owners.add(instance);
            }
        }
        return owners;
    }

    /** Whose a volume is that is no root; empty for all else. */
    private String owner(String volumeId) {
        @Nullable VolumeRecord record = volumeRecords.byId(volumeId);
        return record == null ? "" : record.getInstanceId();
    }

    /** A card that has connected may serve what nobody wants any more. */
    void cardConnected(String card) {
        try {
            if (card.equals(Metadata.CARD)) {
                network.tell();
            } else if (card.equals(Network.CARD)) {
                network.configure();
                withdrawUnwanted(network.served(), network::withdraw);
            } else {
                withdrawUnwanted(volumes.served(), volumes::withdraw);
            }
        } catch (IOException | Card.RefusedException e) {
            LOG.log(System.Logger.Level.WARNING, "{0}: {1}", card, e.getMessage());
        }
    }

    private interface Withdrawal {
        void withdraw(String id) throws IOException, Card.RefusedException;
    }

    /**
     * What is served was asked first: what is ensured meanwhile belongs to an instance. What
     * belongs to one that is stopped it releases by itself, for it may be starting.
     */
    private void withdrawUnwanted(Set<String> served, Withdrawal withdrawal)
            throws IOException, Card.RefusedException {
        for (String one : served) {
            List<Instance> owners = owners(one);
            owners.forEach(Instance::served);
            if (owners.isEmpty() && owner(one).isEmpty()) {
                withdrawal.withdraw(one);
            }
        }
    }

    /** Adds how many instances there are in each state. */
    void measure(MetricsText text) {
        Map<InstanceState, Integer> counts = new EnumMap<>(InstanceState.class);
        instances.all().forEach(instance -> counts.merge(instance.state(), 1, Integer::sum));
        counts.forEach(
                (state, count) ->
                        text.gauge(
                                "niter_controller_instances",
                                "Instances by state.",
                                count,
                                "state",
                                HostEvents.name(state)));
    }

    // ---- updates -----------------------------------------------------------------------------

    /**
     * Has another build of a card take over.
     *
     * @return the pause in milliseconds
     */
    long update(String card, String java, Path dist) throws ApiException, IOException {
        @Nullable CardProcess process = UPDATABLE.contains(card) ? processes.get(card) : null;
        if (process == null) {
            throw ApiException.invalid("card: expected ebs or vpc, got \"%s\"".formatted(card));
        }
        if (!dist.isAbsolute() || !Files.isRegularFile(dist.resolve(card + ".args"))) {
            throw ApiException.invalid(
                    "dist: expected the directory of a build, with %s.args, got %s"
                            .formatted(card, dist));
        }
        try {
            return process.update(java, dist);
        } catch (ApiException e) {
            events.notUpdated(card, String.valueOf(e.getMessage()));
            throw e;
        }
    }

    // ---- the end -----------------------------------------------------------------------------

    /**
     * Stops all instances, which run again after the next start. None can keep it: where a card
     * does not start, its functions end with its process.
     *
     * @return a line for each that was not stopped in order
     */
    List<String> stopAll() throws IOException, InterruptedException {
        Files.writeString(state.downMark(), ""); // the keeper removes it
        instances.all().forEach(Instance::hostGoesDown);
        long deadline = System.nanoTime() + MACHINES_NANOS;
        for (Instance instance : instances.all()) {
            instance.awaitMachineEnd(deadline);
        }
        deadline = System.nanoTime() + RELEASE_NANOS;
        List<String> left = new ArrayList<>();
        for (Instance instance : instances.all()) {
            if (!instance.await(deadline, InstanceState.STOPPED, InstanceState.TERMINATED)) {
                left.add(left(instance));
            }
        }
        left.forEach(line -> LOG.log(System.Logger.Level.WARNING, line));
        return left;
    }

    /** What was wished for is durable: the next controller goes on with that. */
    private static String left(Instance instance) {
        String reason = instance.problem().isEmpty() ? "" : ": " + instance.problem();
        return instance.record().getWish() == Wish.TERMINATE
                ? instance.id() + " is not terminated yet, niter up goes on with that" + reason
                : instance.id() + " was ended with the rest, not stopped in order" + reason;
    }

    /** Ends every process, this one too. */
    void endProcesses() throws IOException {
        keeper.shutDown();
    }

    private void goOnShuttingDown() {
        try {
            stopAll();
            endProcesses();
        } catch (IOException e) {
            LOG.log(System.Logger.Level.ERROR, "shutting down: {0}", e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Whether all of it is being stopped: no wish is granted then. */
    boolean isGoingDown() {
        return Files.exists(state.downMark());
    }

    /** Asks for a state of an instance. */
    void wish(Instance instance, Wish wish, boolean force) throws IOException {
        instance.wish(wish, wish == Wish.RUN ? "" : Reasons.USER_STOP, force);
    }
}
