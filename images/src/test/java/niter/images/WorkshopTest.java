package niter.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorkshopTest {
    @TempDir Path folder;

    @Test
    void whatAKilledBuilderLeftIsSweptUpAndNothingIsLeft() throws IOException {
        Path left = Files.createDirectories(folder.resolve("cache/.building-1/deep"));
        Files.writeString(left.resolve("half"), "made");
        try (Workshop workshop = enter()) {
            assertThat(folder.resolve("cache/.building-1")).doesNotExist();
            Files.writeString(workshop.bench().resolve("half"), "made");
        }
        assertThat(folder.resolve("cache")).isDirectoryNotContaining("glob:**/.building-*");
    }

    @Test
    void aFinishedFolderReplacesTheOldOne() throws IOException {
        Path place = folder.resolve("cache/engine/1");
        for (String content : List.of("old", "new")) {
            try (Workshop workshop = enter()) {
                Path made = Files.createDirectories(workshop.bench().resolve("made"));
                Files.writeString(made.resolve("file"), content);
                workshop.publish(made, place);
            }
            assertThat(place.resolve("file")).hasContent(content);
        }
    }

    @Test
    void oneBuildsAtATime() throws Exception {
        AtomicBoolean inside = new AtomicBoolean();
        CountDownLatch started = new CountDownLatch(1);
        try (var threads = Executors.newSingleThreadExecutor()) {
            Future<Boolean> other;
            try (Workshop first = enter()) {
                inside.set(true);
                other =
                        threads.submit(
                                () -> {
                                    started.countDown();
                                    try (Workshop second = enter()) {
                                        return inside.get() && Files.exists(second.bench());
                                    }
                                });
                started.await();
                inside.set(false);
                assertThat(first.bench()).isDirectory();
            }
            assertThat(other.get()).isFalse();
        }
    }

    @Test
    void aCacheThatCannotBeMadeIsNamedWithTheMend() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "");
        assertThatThrownBy(() -> Workshop.enter(file.resolve("cache"), ProgressListener.NONE))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining(file.resolve("cache").toString())
                .hasMessageContaining("XDG_CACHE_HOME");
    }

    private Workshop enter() {
        return Workshop.enter(folder.resolve("cache"), ProgressListener.NONE);
    }
}
