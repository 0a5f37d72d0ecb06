package niter.controller;

import io.grpc.Status;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import niter.controller.record.InstanceRecord;
import org.jspecify.annotations.Nullable;

/** All instances of this host, in the order of their making. */
final class Instances {
    private final RecordStore store;
    private final Admission admission;
    private final Map<String, Instance> byId = new LinkedHashMap<>(); // guarded by this
    private final HostParts parts;

    Instances(RecordStore store, Admission admission, HostParts parts) {
        this.store = store;
        this.admission = admission;
        this.parts = parts;
    }

    /** Takes what a former controller left. */
    synchronized void load() throws IOException {
        List<InstanceRecord> records = new ArrayList<>(store.load());
        records.sort(
                Comparator.comparingLong(InstanceRecord::getLaunchedUnixMs)
                        .thenComparing(InstanceRecord::getInstanceId));
        for (InstanceRecord record : records) {
            byId.put(record.getInstanceId(), new Instance(record, parts));
        }
    }

    /**
     * Makes what is asked for; done already where the client token is known.
     *
     * @throws ApiException if it does not fit, or the name or the token is in use
     */
    synchronized List<Instance> make(LaunchRequest request) throws ApiException, IOException {
        @Nullable Instance[] made = madeBefore(request);
        int missing = (int) Arrays.stream(made).filter(Objects::isNull).count();
        if (missing > 0) {
            checkName(request, made);
            admission.check(admitted(), request.type(), missing);
            admission.checkDisk(request.rootDisk(), missing);
        }
        List<InstanceRecord> fresh = fresh(request, made);
        Iterator<InstanceRecord> next = fresh.iterator();
        List<Instance> all = new ArrayList<>();
        for (Instance before : made) {
            all.add(before == null ? add(next.next()) : before);
        }
        return all;
    }

    /** Records of those that are missing, all or none. */
    private List<InstanceRecord> fresh(LaunchRequest request, @Nullable Instance[] made)
            throws ApiException {
        List<InstanceRecord> fresh = new ArrayList<>();
        List<InstanceRecord> all = new ArrayList<>(records());
        for (int i = 0; i < made.length; i++) {
            if (made[i] == null) {
                InstanceRecord record = parts.network().withInterface(request.record(i), all);
                fresh.add(record);
                all.add(record);
            }
        }
        if (!fresh.isEmpty()) {
            parts.network().checkRoom(all);
        }
        return fresh;
    }

    private Instance add(InstanceRecord record) throws IOException {
        store.write(record);
        Instance instance = new Instance(record, parts);
        byId.put(record.getInstanceId(), instance);
        instance.wake();
        return instance;
    }

    private @Nullable Instance[] madeBefore(LaunchRequest request) throws ApiException {
        @Nullable Instance[] made = new Instance[request.count()];
        if (request.clientToken().isEmpty()) {
            return made;
        }
        for (Instance instance : byId.values()) {
            InstanceRecord record = instance.record();
            if (record.getClientToken().equals(request.clientToken())) {
                if (!request.made(record)) {
                    throw ApiException.invalid(
                            "IdempotentParameterMismatch: client_token: was used for another"
                                    + " request: take a new one");
                }
                made[record.getLaunchIndex()] = instance;
            }
        }
        return made;
    }

    private void checkName(LaunchRequest request, @Nullable Instance[] made) throws ApiException {
        boolean isNew = made[0] == null;
        for (Instance instance : byId.values()) {
            if (isNew
                    && !request.name().isEmpty()
                    && instance.record().getName().equals(request.name())) {
                throw new ApiException(
                        Status.Code.ALREADY_EXISTS,
                        "name: %s is the name of %s: terminate that or take another name"
                                .formatted(request.name(), instance.record().getInstanceId()));
            }
        }
    }

    /** Checks that an instance that is stopped fits again. */
    synchronized void admit(Instance instance) throws ApiException, IOException {
        admission.check(admitted(), InstanceTypes.named(instance.record().getInstanceType()), 1);
    }

    synchronized Collection<InstanceRecord> admitted() {
        return byId.values().stream().filter(Instance::isAdmitted).map(Instance::record).toList();
    }

    /** All records. */
    synchronized Collection<InstanceRecord> records() {
        return byId.values().stream().map(Instance::record).toList();
    }

    synchronized List<Instance> all() {
        return List.copyOf(byId.values());
    }

    synchronized @Nullable Instance byId(String id) {
        return byId.get(id);
    }

    /**
     * The instance of an id or name.
     *
     * @throws ApiException NOT_FOUND
     */
    synchronized Instance find(String idOrName) throws ApiException {
        Instance found = byId.get(idOrName);
        for (Instance instance : byId.values()) {
            if (found == null && instance.record().getName().equals(idOrName)) {
                found = instance;
            }
        }
        if (found == null || idOrName.isEmpty()) {
            throw new ApiException(
                    Status.Code.NOT_FOUND,
                    "instance: expected an id or a name that niter ps -a shows, got \"%s\""
                            .formatted(idOrName));
        }
        return found;
    }

    /** Forgets an instance that is terminated; its record is with the others that are. */
    synchronized void remove(Instance instance) {
        byId.remove(instance.record().getInstanceId());
    }

    /** Those that are gone, the latest last. */
    List<InstanceRecord> terminated() {
        return store.terminated();
    }

    /** One that is gone, by its id; null where none is remembered. */
    @Nullable InstanceRecord terminated(String id) {
        return store.terminated().stream()
                .filter(record -> record.getInstanceId().equals(id))
                .findFirst()
                .orElse(null);
    }
}
