package niter.controller;

import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import niter.controller.northbound.AttachVolumeRequest;
import niter.controller.northbound.CreateVolumeRequest;
import niter.controller.northbound.DetachVolumeRequest;
import niter.controller.northbound.InstanceState;
import niter.controller.northbound.Volume;
import niter.controller.record.InstanceRecord;
import niter.controller.record.VolumeRecord;
import org.jspecify.annotations.Nullable;

/**
 * What the API says about volumes. It checks and makes wishes durable; {@link Attachments} fulfils
 * them. Messages begin with EC2's error codes.
 */
final class EbsVolumes {
    private static final System.Logger LOG = System.getLogger(EbsVolumes.class.getName());
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,62}");
    private static final Pattern DEVICE = Pattern.compile("/dev/(sd[b-z]|xvd[b-z]|xvd[b-d][a-z])");
    private static final String EXPECTED_DEVICE =
            "expected /dev/sdb to /dev/sdz, /dev/xvdb to /dev/xvdz or /dev/xvdba to /dev/xvddz";
    private static final long MAX_GIB = 16_384; // EC2's
    private static final int MAX_VOLUMES = 1000;
    private static final int MAX_ATTACHED = Attachments.FIRST_SLOT - Attachments.LAST_SLOT + 1;

    /** How long an answer waits for a machine and its guest. */
    private static final long PATIENCE_MILLIS = 60_000;

    private final VolumeRecords records;
    private final Volumes card;
    private final Supplier<Instances> instances;
    private final Path directory;

    /**
     * Over the records.
     *
     * @param directory where the card keeps volumes
     */
    EbsVolumes(VolumeRecords records, Volumes card, Supplier<Instances> instances, Path directory) {
        this.records = records;
        this.card = card;
        this.instances = instances;
        this.directory = directory;
    }

    // ---- create and delete -------------------------------------------------------------------

    /**
     * Makes a volume, all zeroes; done already where the client token is known.
     *
     * @throws ApiException IdempotentParameterMismatch where that was used for another one
     */
    VolumeRecord create(CreateVolumeRequest request) throws ApiException, IOException {
        if (request.getSizeGib() < 1 || request.getSizeGib() > MAX_GIB) {
            throw ApiException.invalid(
                    "InvalidParameterValue: size_gib: expected 1 to 16384, got "
                            + request.getSizeGib());
        }
        String name = request.getName();
        if (!name.isEmpty() && (!NAME.matcher(name).matches() || name.startsWith("vol-"))) {
            throw ApiException.invalid(
                    "InvalidParameterValue: name: expected up to 63 letters, digits, _, . and -,"
                            + " not like an id, got "
                            + name);
        }
        checkToken(request.getClientToken());
        return finishCreating(remembered(request));
    }

    private VolumeRecord remembered(CreateVolumeRequest request) throws ApiException, IOException {
        synchronized (records) {
            String token = request.getClientToken();
            @Nullable VolumeRecord before = madeBefore(request);
            if (before != null) {
                return before;
            }
            for (VolumeRecord one : records.all()) {
                if (!request.getName().isEmpty() && one.getName().equals(request.getName())) {
                    throw new ApiException(
                            Status.Code.ALREADY_EXISTS,
                            "InvalidParameterValue: name: %s is the name of %s: take another"
                                    .formatted(one.getName(), one.getVolumeId()));
                }
            }
            if (records.all().size() >= MAX_VOLUMES) {
                throw ApiException.exhausted("VolumeLimitExceeded: there are 1000 already");
            }
            VolumeRecord made =
                    VolumeRecord.newBuilder()
                            .setVolumeId(Ids.make("vol"))
                            .setName(request.getName())
                            .setSizeBytes(request.getSizeGib() << 30)
                            .setClientToken(token)
                            .setCreatedUnixMs(System.currentTimeMillis())
                            .build();
            records.add(made);
            return made;
        }
    }

    private @Nullable VolumeRecord madeBefore(CreateVolumeRequest request) throws ApiException {
        String token = request.getClientToken();
        for (VolumeRecord one : records.all()) {
            if (!token.isEmpty() && one.getClientToken().equals(token)) {
                if (!one.getName().equals(request.getName())
                        || one.getSizeBytes() != request.getSizeGib() << 30) {
                    throw otherRequest();
                }
                return one;
            }
        }
        return null;
    }

    private VolumeRecord finishCreating(VolumeRecord record) throws ApiException, IOException {
        if (record.getCreated()) {
            return record;
        }
        try {
            card.create(record);
            return records.update(record.getVolumeId(), next -> next.setCreated(true));
        } catch (Card.RefusedException e) {
            records.remove(record.getVolumeId());
            throw ApiException.exhausted("InsufficientVolumeCapacity: " + e.getMessage());
        }
    }

    /** Deletes a volume that is nobody's. */
    VolumeRecord delete(String idOrName) throws ApiException, IOException {
        VolumeRecord record;
        synchronized (records) {
            record = find(idOrName);
            if (!record.getInstanceId().isEmpty()) {
                throw inUse(record);
            }
            if (!record.getCreated()) {
                throw ApiException.precondition(
                        "IncorrectState: " + record.getVolumeId() + " is still being created");
            }
            record = records.update(record.getVolumeId(), next -> next.setDeleting(true));
        }
        finishDeleting(record);
        return record;
    }

    private void finishDeleting(VolumeRecord record) throws IOException {
        try {
            card.delete(record.getVolumeId());
            records.remove(record.getVolumeId());
        } catch (Card.RefusedException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    /** Goes on with what an earlier controller began; what cannot be done now stays as it is. */
    void resume() {
        for (VolumeRecord one : records.all()) {
            try {
                if (one.getDeleting()) {
                    finishDeleting(one);
                } else if (!one.getCreated()) {
                    finishCreating(one);
                }
            } catch (IOException | ApiException e) {
                LOG.log(System.Logger.Level.WARNING, "{0}: {1}", one.getVolumeId(), e.getMessage());
            }
        }
    }

    // ---- attach and detach -------------------------------------------------------------------

    /** Attaches a volume; waits until a machine that runs has it. */
    Volume attach(AttachVolumeRequest request)
            throws ApiException, IOException, InterruptedException {
        Instance instance = instance(request.getInstance());
        checkToken(request.getClientToken());
        String id;
        synchronized (records) { // an instance that ends looks here after its state has changed
            VolumeRecord record = find(request.getVolume());
            id = record.getVolumeId();
            if (isRepeated(record, request.getClientToken())) {
                checkSame(record, instance, request.getDevice());
            } else {
                check(record, instance, request.getDevice());
                String device = device(request.getDevice(), instance.id());
                records.update(
                        id,
                        next ->
                                next.setInstanceId(instance.id())
                                        .setDeviceName(device)
                                        .setLastToken(request.getClientToken())
                                        .clearProblem());
            }
        }
        instance.wake();
        @Nullable VolumeRecord now =
                records.await(
                        id,
                        one -> one.getAttached() || one.getInstanceId().isEmpty(),
                        PATIENCE_MILLIS);
        if (now != null && now.getInstanceId().isEmpty()) {
            throw ApiException.precondition(
                    "IncorrectState: %s could not be attached to %s: %s"
                            .formatted(id, instance.id(), now.getProblem()));
        }
        return describe(found(now, id));
    }

    private static void checkToken(String token) throws ApiException {
        if (token.length() > LaunchRequest.MAX_TOKEN) {
            throw ApiException.invalid(
                    "InvalidParameterValue: client_token: expected at most 64 characters");
        }
    }

    /** A client whose controller was restarted asks again. */
    private static boolean isRepeated(VolumeRecord record, String token) {
        return !token.isEmpty() && record.getLastToken().equals(token);
    }

    /** Where it did not become one, the reason is the answer, whatever is asked for now. */
    private static void checkSame(VolumeRecord record, Instance instance, String device)
            throws ApiException {
        boolean isDevice = device.isEmpty() || device.equals(record.getDeviceName());
        boolean isSame = record.getInstanceId().equals(instance.id()) && isDevice;
        if (!record.getInstanceId().isEmpty() && !isSame) {
            throw otherRequest();
        }
    }

    private static ApiException otherRequest() {
        return ApiException.invalid(
                "IdempotentParameterMismatch: client_token: was used for another request: take a new"
                        + " one");
    }

    private void check(VolumeRecord record, Instance instance, String device) throws ApiException {
        String id = record.getVolumeId();
        if (!record.getInstanceId().isEmpty()) {
            throw inUse(record);
        }
        if (!record.getCreated() || record.getDeleting()) {
            throw ApiException.precondition(
                    "IncorrectState: %s: expected it to be available, it is %s"
                            .formatted(id, state(record)));
        }
        if (instance.state() == InstanceState.SHUTTING_DOWN
                || instance.state() == InstanceState.TERMINATED) {
            throw ApiException.precondition(
                    "IncorrectState: %s: expected it to be running or stopped, it is %s"
                            .formatted(
                                    instance.id(),
                                    instance.state()
                                            .name()
                                            .toLowerCase(Locale.ROOT)
                                            .replace('_', '-')));
        }
        if (!device.isEmpty() && !DEVICE.matcher(device).matches()) {
            throw ApiException.invalid(
                    "InvalidParameterValue: device: %s, got \"%s\""
                            .formatted(EXPECTED_DEVICE, device));
        }
        if (records.of(instance.id()).size() >= MAX_ATTACHED) {
            throw ApiException.exhausted(
                    "AttachmentLimitExceeded: %s has %d volumes beside its root"
                            .formatted(instance.id(), MAX_ATTACHED));
        }
    }

    /** EC2 takes sdf and xvdf for the same place. */
    private String device(String wanted, String instanceId) throws ApiException {
        Set<String> taken =
                records.of(instanceId).stream()
                        .map(one -> place(one.getDeviceName()))
                        .collect(Collectors.toSet());
        if (!wanted.isEmpty()) {
            if (taken.contains(place(wanted))) {
                throw ApiException.invalid(
                        "InvalidParameterValue: device: %s is in use".formatted(wanted));
            }
            return wanted;
        }
        for (char letter = 'f'; letter <= 'z'; letter++) { // EC2's recommendation, then the rest
            if (!taken.contains(String.valueOf(letter))) {
                return "/dev/sd" + letter;
            }
        }
        for (char letter = 'a'; letter <= 'z'; letter++) {
            if (!taken.contains("b" + letter)) {
                return "/dev/xvdb" + letter;
            }
        }
        throw ApiException.exhausted("AttachmentLimitExceeded: no device name is free");
    }

    private static String place(String device) {
        return device.replaceFirst("^/dev/(sd|xvd)", "");
    }

    /** Detaches a volume; waits until a machine that runs has let go of it. */
    Volume detach(DetachVolumeRequest request)
            throws ApiException, IOException, InterruptedException {
        checkToken(request.getClientToken());
        VolumeRecord record;
        synchronized (records) {
            record = find(request.getVolume());
            if (isRepeated(record, request.getClientToken())) {
                return detached(record.getVolumeId());
            }
            if (record.getInstanceId().isEmpty()) {
                throw ApiException.precondition(
                        "IncorrectState: %s: expected it to be in-use, it is %s"
                                .formatted(record.getVolumeId(), state(record)));
            }
            record =
                    records.update(
                            record.getVolumeId(),
                            next ->
                                    next.setDetaching(true)
                                            .setForce(next.getForce() || request.getForce())
                                            .setLastToken(request.getClientToken()));
        }
        @Nullable Instance instance = instances.get().byId(record.getInstanceId());
        if (instance != null) {
            instance.wake();
        }
        return detached(record.getVolumeId());
    }

    private Volume detached(String id) throws ApiException, InterruptedException {
        return describe(found(records.await(id, one -> !one.getDetaching(), PATIENCE_MILLIS), id));
    }

    // ---- finding and describing --------------------------------------------------------------

    private static VolumeRecord found(@Nullable VolumeRecord record, String id)
            throws ApiException {
        if (record == null) {
            throw notFound(id);
        }
        return record;
    }

    private static ApiException notFound(String got) {
        return new ApiException(
                Status.Code.NOT_FOUND,
                "InvalidVolume.NotFound: volume: expected an id or a name that niter volume ls"
                        + " shows, got \""
                        + got
                        + "\"");
    }

    private static ApiException inUse(VolumeRecord record) {
        return ApiException.precondition(
                "VolumeInUse: %s is attached to %s"
                        .formatted(record.getVolumeId(), record.getInstanceId()));
    }

    private VolumeRecord find(String idOrName) throws ApiException {
        for (VolumeRecord one : records.all()) {
            if (one.getVolumeId().equals(idOrName)
                    || !idOrName.isEmpty() && one.getName().equals(idOrName)) {
                return one;
            }
        }
        for (InstanceRecord record : instances.get().records()) {
            if (record.getVolumeId().equals(idOrName)) {
                throw ApiException.precondition(
                        "OperationNotPermitted: %s is the root volume of %s"
                                .formatted(idOrName, record.getInstanceId()));
            }
        }
        throw notFound(idOrName);
    }

    private Instance instance(String idOrName) throws ApiException {
        try {
            return instances.get().find(idOrName);
        } catch (ApiException e) {
            throw new ApiException(
                    Status.Code.NOT_FOUND, "InvalidInstanceID.NotFound: " + e.getMessage());
        }
    }

    /** Those that are named, or all, root volumes first. */
    List<Volume> describe(List<String> named) throws ApiException {
        List<Volume> all = new ArrayList<>();
        for (InstanceRecord record : instances.get().records()) {
            if (named.isEmpty() || named.contains(record.getVolumeId())) {
                all.add(root(record));
            }
        }
        for (VolumeRecord one : records.all()) {
            if (named.isEmpty()
                    || named.contains(one.getVolumeId())
                    || named.contains(one.getName())) {
                all.add(describe(one));
            }
        }
        for (String name : named) {
            if (all.stream()
                    .noneMatch(
                            one -> one.getVolumeId().equals(name) || one.getName().equals(name))) {
                throw notFound(name);
            }
        }
        return all;
    }

    private Volume root(InstanceRecord record) {
        return Volume.newBuilder()
                .setVolumeId(record.getVolumeId())
                .setInstanceId(record.getInstanceId())
                .setSizeBytes(record.getVolumeSizeBytes())
                .setAllocatedBytes(allocated(record.getVolumeId()))
                .setState(record.getVolumeCreated() ? "in-use" : "creating")
                .setDevice(Volumes.ROOT_DEVICE)
                .setAttachmentState(record.getVolumeCreated() ? "attached" : "attaching")
                .setDeleteOnTermination(true)
                .setCreatedUnixMs(record.getLaunchedUnixMs())
                .build();
    }

    /** As the API shows it. */
    Volume describe(VolumeRecord record) {
        return Volume.newBuilder()
                .setVolumeId(record.getVolumeId())
                .setInstanceId(record.getInstanceId())
                .setSizeBytes(record.getSizeBytes())
                .setAllocatedBytes(allocated(record.getVolumeId()))
                .setName(record.getName())
                .setState(state(record))
                .setDevice(record.getDeviceName())
                .setAttachmentState(attachmentState(record))
                .setCreatedUnixMs(record.getCreatedUnixMs())
                .setProblem(record.getProblem())
                .build();
    }

    private long allocated(String volumeId) {
        Path file = directory.resolve(volumeId);
        return Files.exists(file) ? AllocatedBytes.of(file) : 0;
    }

    private static String state(VolumeRecord record) {
        if (record.getDeleting()) {
            return "deleting";
        }
        if (!record.getCreated()) {
            return "creating";
        }
        return record.getInstanceId().isEmpty() ? "available" : "in-use";
    }

    private static String attachmentState(VolumeRecord record) {
        if (record.getInstanceId().isEmpty()) {
            return "";
        }
        if (record.getDetaching()) {
            return "detaching";
        }
        return record.getAttached() ? "attached" : "attaching";
    }
}
