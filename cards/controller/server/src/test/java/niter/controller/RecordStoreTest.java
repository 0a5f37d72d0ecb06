package niter.controller;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import niter.controller.control.StateDirectory;
import niter.controller.record.InstanceRecord;
import niter.controller.record.PublicKey;
import niter.controller.record.Wish;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecordStoreTest {
    private static final InstanceRecord RECORD =
            InstanceRecord.newBuilder()
                    .setVersion(1)
                    .setInstanceId("i-0123456789abcdef0")
                    .setWish(Wish.RUN)
                    .build();

    @TempDir Path directory;
    private StateDirectory state = StateDirectory.of(Path.of("/nonexistent"));

    @BeforeEach
    void open() throws Exception {
        state = StateDirectory.of(directory).open();
    }

    @Test
    void whatIsWrittenIsLoaded() throws IOException {
        RecordStore store = new RecordStore(state);
        store.write(RECORD);
        store.write(RECORD.toBuilder().setWish(Wish.STOP).build());
        assertThat(new RecordStore(state).load())
                .containsExactly(RECORD.toBuilder().setWish(Wish.STOP).build());
    }

    @Test
    void whatIsRemovedIsRememberedForAWhile() throws IOException {
        RecordStore store = new RecordStore(state);
        for (int n = 0; n < RecordStore.MAX_TERMINATED + 6; n++) {
            InstanceRecord record = RECORD.toBuilder().setInstanceId("i-" + n).build();
            store.write(record);
            Files.writeString(state.instance("i-" + n).resolve("console.log"), "text");
            store.remove(record);
            store.remove(record); // again, after a kill in the middle
        }
        assertThat(state.instances()).isEmptyDirectory();
        RecordStore next = new RecordStore(state);
        assertThat(next.load()).isEmpty();
        assertThat(next.terminated()).hasSize(RecordStore.MAX_TERMINATED);
        assertThat(next.terminated().getLast().getInstanceId()).isEqualTo("i-69");
    }

    @Test
    void userDataIsGoneWithItsInstance() throws IOException {
        RecordStore store = new RecordStore(state);
        InstanceRecord told =
                RECORD.toBuilder()
                        .setUserData(ByteString.copyFromUtf8("secret"))
                        .addPublicKey(PublicKey.newBuilder().setName("one"))
                        .build();
        store.write(told);
        assertThat(new RecordStore(state).load()).containsExactly(told);
        store.remove(told);
        RecordStore next = new RecordStore(state);
        assertThat(next.load()).isEmpty();
        assertThat(next.terminated()).containsExactly(RECORD);
    }

    @Test
    void aDirectoryWithoutRecordWasNeverFinishedOrAlreadyRemoved() throws IOException {
        Files.createDirectory(state.instance("i-1"));
        Files.writeString(state.instance("i-1").resolve("launch"), "x");
        assertThat(new RecordStore(state).load()).isEmpty();
        assertThat(state.instances()).isEmptyDirectory();
    }

    @Test
    void whatCannotBeReadIsNamed() throws IOException {
        Files.createDirectory(state.instance("i-1"));
        Path record = state.instance("i-1").resolve("record");
        Files.write(record, new byte[] {(byte) 0xff, 1, 2});
        assertThatThrownBy(() -> new RecordStore(state).load())
                .isInstanceOf(IOException.class)
                .hasMessageContaining(record + ": is damaged");
        Files.write(record, RECORD.toBuilder().setVersion(2).build().toByteArray());
        assertThatThrownBy(() -> new RecordStore(state).load())
                .hasMessageContaining("version 2, this niter knows 1");
    }
}
