package niter.controller;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import niter.controller.control.ControlChannel;
import niter.controller.control.StateDirectory;
import niter.controller.control.protocol.ToCard;
import niter.controller.northbound.Engine;
import niter.controller.northbound.Image;
import niter.controller.northbound.RunInstancesRequest;
import niter.controller.record.InstanceRecord;
import niter.controller.record.Wish;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How many instances there can be. Nothing of them is started: there is no keeper. */
@SuppressWarnings("NullAway") // no keeper: nothing here gets as far as asking it
class InstancesTest {
    @TempDir Path directory;
    private final List<InstanceRecord> records = new ArrayList<>();
    private StateDirectory state;
    private SecurityGroups groups;
    private Network network;

    @BeforeEach
    void open() throws Exception {
        state = StateDirectory.of(directory.resolve("state")).open();
        NetworkFile file = new NetworkFile(state, SecurityGroups.first(), () -> records);
        groups = new SecurityGroups(file, () -> records);
        network =
                new Network(
                        new Card(Network.CARD, event -> {}),
                        new CardProcess(Network.CARD, null, state, "java", directory),
                        new Network.Outside(
                                new Metadata(
                                        new Card(Metadata.CARD, event -> {}),
                                        new CardProcess(
                                                Metadata.CARD, null, state, "java", directory),
                                        groups),
                                new Uplink(null, state)),
                        groups,
                        new PrefixLists(groups, file),
                        state,
                        () -> records);
    }

    /** One more that is stopped. */
    private InstanceRecord stopped() throws Exception {
        return network.withInterface(
                InstanceRecord.newBuilder()
                        .setVersion(RecordStore.VERSION)
                        .setInstanceId(Ids.make("i"))
                        .setWish(Wish.STOP)
                        .addAllSecurityGroup(groups.ids(List.of()))
                        .build(),
                records);
    }

    /** As many as the card can be told of; the number of bytes that this takes. */
    private int fill(RecordStore store) throws Exception {
        int bytes = 0;
        InstanceRecord next = stopped();
        while (fits(next)) {
            records.add(next);
            store.write(next);
            bytes = CardNetwork.message(groups.record(), records).build().getSerializedSize();
            next = stopped();
        }
        return bytes;
    }

    private boolean fits(InstanceRecord next) {
        List<InstanceRecord> all = new ArrayList<>(records);
        all.add(next);
        try {
            network.checkRoom(all);
            return true;
        } catch (ApiException e) {
            return false;
        }
    }

    private LaunchRequest request(String token) throws ApiException, IOException {
        return request(token, 0, "");
    }

    private LaunchRequest request(String token, long volumeBytes, String commandLine)
            throws ApiException, IOException {
        Path file = Files.write(directory.resolve("file"), new byte[4096]);
        return LaunchRequest.of(
                RunInstancesRequest.newBuilder()
                        .setInstanceType("niter.small")
                        .setCount(1)
                        .setClientToken(token)
                        .setVolumeSizeBytes(volumeBytes)
                        .addAllSecurityGroup(groups.ids(List.of()))
                        .setImage(
                                Image.newBuilder()
                                        .setKernel(file.toString())
                                        .setCommandLine(commandLine)
                                        .setRootDisk(file.toString()))
                        .setEngine(Engine.newBuilder().addCommand(file.toString()))
                        .build());
    }

    private Instances instances(RecordStore store) throws IOException {
        Admission admission = new Admission(4, 1L << 40, state.volumes());
        HostParts parts =
                new HostParts(
                        store,
                        null,
                        null,
                        network,
                        null,
                        state.instances(),
                        state.logs(),
                        instance -> {},
                        instance -> {});
        Instances instances = new Instances(store, admission, parts);
        instances.load();
        return instances;
    }

    @Test
    void aTokenOfAnotherRequestIsRefused() throws Exception {
        RecordStore store = new RecordStore(state);
        store.write(stopped().toBuilder().setClientToken("token").build());
        Instances instances = instances(store);
        assertThatThrownBy(() -> instances.make(request("token")))
                .isInstanceOf(ApiException.class)
                .hasMessageStartingWith("IdempotentParameterMismatch: client_token: ");
        assertThat(instances.all()).hasSize(1);
    }

    /** EC2: all parameters are compared. */
    @Test
    void aTokenWithAnotherVolumeSizeOrCommandLineIsRefused() throws Exception {
        RecordStore store = new RecordStore(state);
        InstanceRecord before = request("token").record(0).toBuilder().setWish(Wish.STOP).build();
        store.write(network.withInterface(before, records));
        Instances instances = instances(store);
        assertThat(instances.make(request("token"))).as("the same").hasSize(1);
        for (LaunchRequest other :
                List.of(request("token", 1 << 20, ""), request("token", 0, "quiet"))) {
            assertThatThrownBy(() -> instances.make(other))
                    .isInstanceOf(ApiException.class)
                    .hasMessageStartingWith("IdempotentParameterMismatch: ");
        }
    }

    @Test
    void noMoreAreMadeThanTheCardCanBeToldOf() throws Exception {
        RecordStore store = new RecordStore(state);
        assertThat(fill(store))
                .isBetween(ControlChannel.MAX_PACKET_BYTES - 300, ControlChannel.MAX_PACKET_BYTES);
        Instances instances = instances(store);
        assertThat(instances.all()).hasSizeGreaterThan(300);
        assertThatThrownBy(() -> instances.make(request("")))
                .isInstanceOf(ApiException.class)
                .hasMessageStartingWith("InstanceLimitExceeded: ")
                .hasMessageContaining("at most 65536 bytes");
        assertThat(instances.records()).hasSameSizeAs(records);
        assertThat(new RecordStore(state).load())
                .as("nothing is left of it")
                .hasSameSizeAs(records);
    }

    @Test
    void besideThemNoRuleIsAddedThatTheCardCannotBeToldOf() throws Exception {
        fill(new RecordStore(state));
        assertThatThrownBy(
                        () -> {
                            for (int n = 0; n < 5; n++) { // a few fit beside the last instance
                                groups.create("g" + n, "a group");
                            }
                        })
                .isInstanceOf(ApiException.class)
                .hasMessageStartingWith("RulesPerSecurityGroupLimitExceeded: ")
                .hasMessageContaining("beside " + records.size() + " instances");
        ToCard message = CardNetwork.message(groups.record(), records).setId(-1L).build();
        assertThat(ControlChannel.fits(message)).isTrue();
        records.removeLast();
        groups.create("web", "a web server");
    }
}
