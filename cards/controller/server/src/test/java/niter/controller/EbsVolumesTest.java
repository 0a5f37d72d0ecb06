package niter.controller;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import java.nio.file.Path;
import niter.controller.control.StateDirectory;
import niter.controller.northbound.AttachVolumeRequest;
import niter.controller.northbound.CreateVolumeRequest;
import niter.controller.record.InstanceRecord;
import niter.controller.record.VolumeRecord;
import niter.controller.record.Wish;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Volumes of their own that are there already: no card is asked for anything. */
@SuppressWarnings("NullAway") // no keeper: nothing here gets as far as asking it
class EbsVolumesTest {
    private static final VolumeRecord DATA =
            VolumeRecord.newBuilder()
                    .setVolumeId("vol-0123456789abcdef0")
                    .setName("data")
                    .setSizeBytes(3L << 30)
                    .setClientToken("token")
                    .setCreated(true)
                    .build();
    private static final CreateVolumeRequest REQUEST =
            CreateVolumeRequest.newBuilder()
                    .setName("data")
                    .setSizeGib(3)
                    .setClientToken("token")
                    .build();

    @TempDir Path directory;
    private VolumeRecords records;
    private EbsVolumes volumes;
    private Instances instances;

    @BeforeEach
    void open() throws Exception {
        StateDirectory state = StateDirectory.of(directory).open();
        records = new VolumeRecords(state);
        records.add(DATA);
        Card card = new Card(Volumes.CARD, event -> {});
        CardProcess process = new CardProcess(Volumes.CARD, null, state, "java", directory);
        volumes =
                new EbsVolumes(
                        records,
                        new Volumes(card, process, state),
                        () -> instances,
                        state.volumes());
        RecordStore store = new RecordStore(state);
        for (String id : new String[] {"i-1", "i-2"}) {
            store.write(
                    InstanceRecord.newBuilder()
                            .setVersion(RecordStore.VERSION)
                            .setInstanceId(id)
                            .setWish(Wish.STOP)
                            .build());
        }
        HostParts parts =
                new HostParts(
                        store, null, null, null, null, directory, directory, one -> {}, one -> {});
        instances = new Instances(store, new Admission(4, 1L << 40, directory), parts);
        instances.load();
    }

    @Test
    void aRepeatedRequestIsAnsweredByWhatItMade() throws Exception {
        assertThat(volumes.create(REQUEST)).isEqualTo(DATA);
        assertThat(records.all()).containsExactly(DATA);
    }

    @Test
    void aTokenThatWasUsedForAnotherRequestIsRefused() throws Exception {
        records.add(DATA.toBuilder().setVolumeId("vol-1").setName("x").clearClientToken().build());
        var before = records.all();
        for (CreateVolumeRequest other :
                new CreateVolumeRequest[] {
                    REQUEST.toBuilder().setSizeGib(4).build(),
                    REQUEST.toBuilder().setName("other").build(),
                    REQUEST.toBuilder().setName("x").build(),
                    REQUEST.toBuilder().clearName().build()
                }) {
            assertThatThrownBy(() -> volumes.create(other))
                    .isInstanceOfSatisfying(
                            ApiException.class,
                            e ->
                                    assertThat(e.status().getCode())
                                            .isEqualTo(Status.Code.INVALID_ARGUMENT))
                    .hasMessageStartingWith("IdempotentParameterMismatch: client_token: ");
        }
        assertThat(records.all()).isEqualTo(before);
    }

    @Test
    void aTokenThatAttachedItElsewhereIsRefused() throws Exception {
        VolumeRecord attached =
                records.update(
                        DATA.getVolumeId(),
                        next ->
                                next.setInstanceId("i-1")
                                        .setDeviceName("/dev/sdf")
                                        .setLastToken("attach"));
        AttachVolumeRequest request =
                AttachVolumeRequest.newBuilder()
                        .setVolume("data")
                        .setInstance("i-1")
                        .setDevice("/dev/sdf")
                        .setClientToken("attach")
                        .build();
        for (AttachVolumeRequest other :
                new AttachVolumeRequest[] {
                    request.toBuilder().setInstance("i-2").build(),
                    request.toBuilder().setDevice("/dev/sdg").build()
                }) {
            assertThatThrownBy(() -> volumes.attach(other))
                    .isInstanceOf(ApiException.class)
                    .hasMessageStartingWith("IdempotentParameterMismatch: client_token: ");
        }
        assertThat(records.all()).containsExactly(attached);
    }
}
