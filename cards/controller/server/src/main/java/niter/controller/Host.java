package niter.controller;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import niter.controller.control.KeeperClient;
import niter.controller.control.StateDirectory;
import niter.controller.control.protocol.Exited;
import niter.controller.control.protocol.FunctionEvent;
import niter.controller.control.protocol.Process;
import niter.controller.northbound.InstanceState;
import niter.controller.record.InstanceRecord;
import niter.controller.record.Wish;
import niter.linux.Descriptor;
import org.jspecify.annotations.Nullable;

/**
 * The host as the controller sees it: its instances, its EBS card, and the keeper that does what is
 * decided here.
 */
final class Host {
    private static final System.Logger LOG = System.getLogger(Host.class.getName());

    private final StateDirectory state;
    private final KeeperClient keeper;
    private final Watchers watchers;
    private final Volumes volumes;
    private final Network network;
    private final Card ebs;
    private final Card vpc;
    private final Card services;
    private final Admission admission;
    private final Instances instances;
    private final HostParts parts;

    Host(StateDirectory state, KeeperClient keeper, String java, Path dist) throws IOException {
        this.state = state;
        this.keeper = keeper;
        watchers = new Watchers(state);
        ebs = new Card(Volumes.CARD, this::functionEvent);
        vpc = new Card(Network.CARD, this::functionEvent);
        services = new Card(Metadata.CARD, this::functionEvent);
        volumes = new Volumes(ebs, process(Volumes.CARD, java, dist), state);
        NetworkFile file = new NetworkFile(state, SecurityGroups.first());
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
                        network,
                        engines,
                        state.instances(),
                        state.logs(),
                        watchers::changed,
                        this::gone);
        instances = new Instances(store, admission, parts);
    }

    private CardProcess process(String card, String java, Path dist) {
        return new CardProcess(card, keeper, state, java, dist.resolve(card + ".args").toString());
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

    /** Those that connect, by the names that they say. */
    Map<String, Card> cards() {
        return Map.of(ebs.name(), ebs, vpc.name(), vpc, services.name(), services);
    }

    Network network() {
        return network;
    }

    // ---- after a restart ---------------------------------------------------------------------

    /**
     * Learns where an earlier controller left off, or after a start of the host.
     *
     * @param given what the keeper held; taken over and emptied
     */
    void resume(Map<String, Descriptor> given) throws IOException {
        instances.load();
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
        keeper.watch(this::exited, this::lookAgain);
        lookAgain(); // what ended before the watch
        if (isGoingDown()) {
            Thread.ofPlatform().daemon().name("shut-down").start(this::goOnShuttingDown);
        } else {
            instances.all().forEach(Instance::wake);
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

    private void functionEvent(FunctionEvent event) {
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
        for (Instance instance : instances.all()) {
            InstanceRecord record = instance.record();
            if (record.getVolumeId().equals(volume) || record.getInterfaceId().equals(volume)) {
                instance.note(note);
            }
        }
    }

    /** A card that has connected may serve what nobody wants any more. */
    void cardConnected(String card) {
        try {
            if (card.equals(Metadata.CARD)) {
                network.tell();
            } else if (card.equals(Network.CARD)) {
                network.configure();
                withdrawStrangers(
                        network.served(), InstanceRecord::getInterfaceId, network::withdraw);
            } else {
                withdrawStrangers(volumes.served(), InstanceRecord::getVolumeId, volumes::withdraw);
            }
        } catch (IOException | Card.RefusedException e) {
            LOG.log(System.Logger.Level.WARNING, "{0}: {1}", card, e.getMessage());
        }
    }

    private interface Withdrawal {
        void withdraw(String id) throws IOException, Card.RefusedException;
    }

    /** What is served was asked first: what is ensured meanwhile belongs to an instance. */
    private void withdrawStrangers(
            Set<String> served, Function<InstanceRecord, String> id, Withdrawal withdrawal)
            throws IOException, Card.RefusedException {
        Set<String> wanted = new HashSet<>();
        instances.records().forEach(record -> wanted.add(id.apply(record)));
        for (String one : served) {
            if (!wanted.contains(one)) {
                withdrawal.withdraw(one);
            }
        }
    }

    // ---- the end -----------------------------------------------------------------------------

    /** Stops all instances, which run again after the next start, then ends every process. */
    void shutDown() throws IOException, InterruptedException {
        Files.writeString(state.downMark(), ""); // the keeper removes it
        instances.all().forEach(Instance::hostGoesDown);
        for (Instance instance : instances.all()) {
            instance.await(InstanceState.STOPPED, InstanceState.TERMINATED);
        }
        keeper.shutDown();
    }

    private void goOnShuttingDown() {
        try {
            shutDown();
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
