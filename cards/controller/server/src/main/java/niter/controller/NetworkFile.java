package niter.controller;

import com.google.protobuf.InvalidProtocolBufferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.function.Supplier;
import niter.controller.control.ControlChannel;
import niter.controller.control.StateDirectory;
import niter.controller.northbound.SecurityGroup;
import niter.controller.record.InstanceRecord;
import niter.controller.record.NetworkRecord;

/**
 * STATE/network: the VPC's security groups and prefix lists. They are one file because they name
 * each other; whoever changes it holds the {@link SecurityGroups}' monitor.
 */
final class NetworkFile {
    /** 2 has prefix lists. */
    private static final int VERSION = 2;

    private final Path file;
    private final Supplier<Collection<InstanceRecord>> instances;
    private volatile NetworkRecord record;

    /**
     * Reads it, or makes it.
     *
     * @param instances whose interfaces the card is told of beside it
     * @throws IOException with one line that names the file, if it cannot be read
     */
    NetworkFile(
            StateDirectory state,
            List<SecurityGroup> first,
            Supplier<Collection<InstanceRecord>> instances)
            throws IOException {
        this.instances = instances;
        file = state.root().resolve("network");
        if (Files.exists(file)) {
            record = read();
        } else {
            record = NetworkRecord.newBuilder().addAllSecurityGroup(first).build();
            write(record);
        }
    }

    private NetworkRecord read() throws IOException {
        try {
            NetworkRecord found = NetworkRecord.parseFrom(Files.readAllBytes(file));
            if (found.getVersion() > VERSION) {
                throw new IOException(
                        "%s: version %d, this niter knows %d: update niter"
                                .formatted(file, found.getVersion(), VERSION));
            }
            boolean whole =
                    found.getSecurityGroupList().stream()
                            .anyMatch(group -> group.getGroupName().equals(SecurityGroups.DEFAULT));
            if (!whole) {
                throw new IOException(
                        file + ": is damaged (it has no default group): restore or delete it");
            }
            return found;
        } catch (InvalidProtocolBufferException e) {
            throw new IOException(
                    file + ": is damaged (" + e.getMessage() + "): restore or delete it", e);
        }
    }

    private void write(NetworkRecord next) throws IOException {
        DurableFile.write(file, next.toBuilder().setVersion(VERSION).build().toByteArray());
    }

    NetworkRecord record() {
        return record;
    }

    /**
     * Durable when it returns; as it was where that fails.
     *
     * @throws ApiException if the VPC card could not be told all of it, and it was less before
     */
    void replace(NetworkRecord next) throws ApiException, IOException {
        int bytes = CardGroups.bytes(next);
        boolean more = bytes > CardGroups.bytes(record);
        if (more && bytes > CardGroups.MAX_BYTES) {
            throw ApiException.exhausted(
                    "RulesPerSecurityGroupLimitExceeded: all groups together have more rules than"
                            + " the VPC card can be told: delete some");
        }
        if (more && !CardNetwork.fits(next, instances.get())) {
            throw ApiException.exhausted(
                    ("RulesPerSecurityGroupLimitExceeded: the VPC card is told of all instances and"
                                    + " rules in one message of at most %d bytes, which takes no"
                                    + " more rules beside %d instances: delete some, or terminate"
                                    + " instances")
                            .formatted(ControlChannel.MAX_PACKET_BYTES, instances.get().size()));
        }
        write(next);
        record = next;
    }
}
