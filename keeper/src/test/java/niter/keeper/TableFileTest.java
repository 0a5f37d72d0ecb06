package niter.keeper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import niter.controller.control.protocol.KeeperProcess;
import niter.controller.control.protocol.KeeperTable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TableFileTest {
    private static final KeeperProcess ROW = KeeperProcess.newBuilder().setPid(7).build();

    @TempDir Path directory;

    @Test
    void holdsForOneBootOnly() throws IOException {
        TableFile first = new TableFile(directory, "boot-1");
        assertThat(first.read()).isEmpty();
        first.write(List.of(ROW, ROW));
        first.write(List.of(ROW));
        assertThat(new TableFile(directory, "boot-1").read()).containsExactly(ROW);

        TableFile second = new TableFile(directory, "boot-2");
        assertThat(second.read()).isEmpty();
        second.write(List.of(ROW));
        second.remove();
        try (Stream<Path> left = Files.list(directory)) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void whatAPowerFailureLeftIsNotRead() throws IOException {
        Files.write(directory.resolve("keeper.table.boot-1"), new byte[100]);
        Files.write(directory.resolve("keeper.table.new"), new byte[100]);
        assertThat(new TableFile(directory, "boot-2").read()).isEmpty();
    }

    @Test
    void anUnknownVersionIsRefusedWithTheMend() throws IOException {
        Path path = directory.resolve("keeper.table.boot-1");
        Files.write(path, KeeperTable.newBuilder().setVersion(2).build().toByteArray());
        assertThatThrownBy(() -> new TableFile(directory, "boot-1").read())
                .hasMessageStartingWith(path + ": version 2, expected 1")
                .hasMessageContaining("niter down");
        Files.write(path, new byte[] {1, 2, 3});
        assertThatThrownBy(() -> new TableFile(directory, "boot-1").read())
                .hasMessageStartingWith(path + ": damaged");
    }
}
