package niter.controller;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import niter.controller.northbound.Image;
import niter.controller.northbound.InstanceType;
import niter.controller.northbound.RunInstancesRequest;
import niter.controller.record.InstanceRecord;
import niter.controller.record.Wish;
import niter.linux.Descriptor;
import niter.linux.FileIo;

/** A RunInstances request that was checked, and the records that it becomes. */
final class LaunchRequest {
    static final int MAX_COUNT = 64;

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,62}");
    static final int MAX_TOKEN = 64; // EC2's
    private static final int MAX_COMMAND_LINE = 2000; // the kernel's 2048, with room for its own
    private static final int BLOCK = 4096;
    private static final int MAX_USER_DATA = 16 * 1024; // EC2's

    private final RunInstancesRequest request;
    private final InstanceType type;
    private final long volumeBytes;
    private final String reservation = Ids.make("r");

    private LaunchRequest(RunInstancesRequest request, InstanceType type, long volumeBytes) {
        this.request = request;
        this.type = type;
        this.volumeBytes = volumeBytes;
    }

    /**
     * Checks each field.
     *
     * @throws ApiException that names the field and what was expected
     */
    static LaunchRequest of(RunInstancesRequest request) throws ApiException {
        InstanceType type = InstanceTypes.named(request.getInstanceType());
        int count = request.getCount();
        require(count >= 1 && count <= MAX_COUNT, "count: expected 1 to 64, got " + count);
        String name = request.getName();
        require(
                name.isEmpty() || NAME.matcher(name).matches() && !name.startsWith("i-"),
                "name: expected up to 63 letters, digits, _, . and -, not like an id, got " + name);
        require(name.isEmpty() || count == 1, "name: expected none where count is above 1");
        require(
                request.getClientToken().length() <= MAX_TOKEN,
                "client_token: expected at most 64 characters");
        Image image = request.getImage();
        file("image.kernel", image.getKernel());
        Path rootDisk = file("image.root_disk", image.getRootDisk());
        if (!image.getInitrd().isEmpty()) {
            file("image.initrd", image.getInitrd());
        }
        require(
                image.getCommandLine().length() <= MAX_COMMAND_LINE
                        && image.getCommandLine().chars().noneMatch(c -> c < ' '),
                "image.command_line: expected at most 2000 characters in one line");
        require(request.getEngine().getCommandCount() > 0, "engine.command: expected a program");
        file("engine.command", request.getEngine().getCommand(0));
        require(
                request.getUserData().size() <= MAX_USER_DATA,
                "InvalidParameterValue: user_data: expected at most 16384 bytes, got "
                        + request.getUserData().size());
        PublicKeys.check(request.getPublicKeyList());
        return new LaunchRequest(request, type, volumeBytes(request, rootDisk));
    }

    private static long volumeBytes(RunInstancesRequest request, Path rootDisk)
            throws ApiException {
        long image;
        try (Descriptor file = FileIo.open(rootDisk, FileIo.O_RDONLY, 0)) {
            image = FileIo.size(file.number());
        }
        long wanted = request.getVolumeSizeBytes();
        require(
                wanted == 0 || wanted >= image && wanted % BLOCK == 0,
                "volume_size_bytes: expected a multiple of 4096 of at least the image's "
                        + image
                        + ", got "
                        + wanted);
        return wanted == 0 ? (image + BLOCK - 1) / BLOCK * BLOCK : wanted;
    }

    private static Path file(String field, String path) throws ApiException {
        try {
            Path file = Path.of(path);
            if (file.isAbsolute() && Files.isReadable(file)) {
                return file;
            }
        } catch (InvalidPathException e) {
            throw ApiException.invalid(field + ": " + e.getReason());
        }
        throw ApiException.invalid(
                field + ": expected an absolute path of a readable file, got " + path);
    }

    private static void require(boolean holds, String otherwise) throws ApiException {
        if (!holds) {
            throw ApiException.invalid(otherwise);
        }
    }

    InstanceType type() {
        return type;
    }

    int count() {
        return request.getCount();
    }

    String name() {
        return request.getName();
    }

    String clientToken() {
        return request.getClientToken();
    }

    Path rootDisk() {
        return Path.of(request.getImage().getRootDisk());
    }

    /**
     * Whether an instance was made by this very request. The engine is not compared: it is the
     * caller's machine, not what was asked for.
     */
    boolean made(InstanceRecord record) {
        Image image = request.getImage();
        return record.getInstanceType().equals(type.getName())
                && record.getName().equals(name())
                && record.getLaunchCount() == count()
                && record.getImageDigest().equals(image.getDigest())
                && record.getKernel().equals(image.getKernel())
                && record.getInitrd().equals(image.getInitrd())
                && record.getRootDisk().equals(image.getRootDisk())
                && record.getCommandLine().equals(image.getCommandLine())
                && record.getVolumeSizeBytes() == volumeBytes
                && record.getSecurityGroupList().equals(request.getSecurityGroupList())
                && record.hasUserData() == request.hasUserData()
                && record.getUserData().equals(request.getUserData())
                && record.getPublicKeyList().equals(recordKeys());
    }

    private List<niter.controller.record.PublicKey> recordKeys() {
        return request.getPublicKeyList().stream()
                .map(
                        key ->
                                niter.controller.record.PublicKey.newBuilder()
                                        .setName(key.getName())
                                        .setOpensshKey(key.getOpensshKey())
                                        .build())
                .toList();
    }

    /** A new instance. */
    InstanceRecord record(int index) {
        Image image = request.getImage();
        InstanceRecord.Builder record = InstanceRecord.newBuilder();
        if (request.hasUserData()) {
            record.setUserData(request.getUserData());
        }
        return record.addAllSecurityGroup(request.getSecurityGroupList())
                .addAllPublicKey(recordKeys())
                .setVersion(RecordStore.VERSION)
                .setInstanceId(Ids.make("i"))
                .setReservationId(reservation)
                .setUuid(Ids.uuid())
                .setName(name())
                .setInstanceType(type.getName())
                .setVcpus(type.getVcpus())
                .setMemoryBytes(type.getMemoryBytes())
                .setClientToken(clientToken())
                .setLaunchIndex(index)
                .setLaunchCount(count())
                .setImage(image.getName())
                .setImageDigest(image.getDigest())
                .setKernel(image.getKernel())
                .setInitrd(image.getInitrd())
                .setRootDisk(image.getRootDisk())
                .setCommandLine(image.getCommandLine())
                .addAllEngineCommand(request.getEngine().getCommandList())
                .setEngineVersion(request.getEngine().getVersion())
                .setEngineKvm(request.getEngine().getKvm())
                .setVolumeId(Ids.make("vol"))
                .setVolumeSizeBytes(volumeBytes)
                .setLaunchedUnixMs(System.currentTimeMillis())
                .setWish(Wish.RUN)
                .build();
    }
}
