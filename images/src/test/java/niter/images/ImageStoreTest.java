package niter.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageStoreTest {
    @TempDir Path cache;

    @Test
    void aBuiltImageIsListedVerifiedAndRemoved() throws IOException {
        make("micro");
        assertThat(Images.list(cache)).singleElement().satisfies(ImageStoreTest::isWhatWasBuilt);
        assertThatCode(() -> Images.verify("micro", cache)).doesNotThrowAnyException();
        assertThat(Images.remove("micro", cache)).isTrue();
        assertThat(Images.remove("micro", cache)).isFalse();
        assertThat(Images.list(cache)).isEmpty();
    }

    private static void isWhatWasBuilt(Image image) {
        assertThat(image.name()).isEqualTo("micro");
        assertThat(image.version()).isEqualTo("6.12-test");
        assertThat(image.kernel()).hasContent("kernel");
        assertThat(image.initrd()).isNull();
        assertThat(image.rootDisk()).hasContent("disk");
        assertThat(image.sizeBytes()).isEqualTo(8L << 30);
        assertThat(image.digest()).matches("[0-9a-f]{64}");
    }

    @Test
    void aBuiltImageOfThisRecipeIsTakenWithoutLookingFurther() throws IOException {
        make("micro");
        assertThat(Images.ensure("micro", cache, ProgressListener.NONE).version())
                .isEqualTo("6.12-test");
    }

    @Test
    void aChangedByteIsFound() throws IOException {
        Path folder = make("micro");
        Files.writeString(folder.resolve(ImageStore.ROOT_DISK), "!", StandardOpenOption.APPEND);
        assertThatThrownBy(() -> Images.verify("micro", cache))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("damaged");
    }

    @Test
    void whatIsHalfThereIsNotThere() throws IOException {
        Path folder = make("micro");
        Files.delete(folder.resolve(ImageStore.KERNEL));
        assertThat(Images.list(cache)).isEmpty();
        Files.writeString(folder.resolve(ImageStore.KERNEL), "kernel");
        Files.writeString(folder.resolve("manifest.json"), "{\"layout\": 1, \"name\": ");
        assertThat(Images.list(cache)).isEmpty();
        assertThatThrownBy(() -> Images.verify("micro", cache))
                .hasMessageContaining("No built image");
    }

    @Test
    void namesDoNotLeadOutOfTheCache() throws IOException {
        Files.createDirectories(cache.resolve("images"));
        Files.createDirectories(cache.resolve("engine"));
        assertThat(Images.remove("../engine", cache)).isFalse();
        assertThat(cache.resolve("engine")).isDirectory();
    }

    private Path make(String name) throws IOException {
        ImageStore store = new ImageStore(cache);
        Path folder = Files.createDirectories(store.folder(name));
        Files.writeString(folder.resolve(ImageStore.KERNEL), "kernel");
        Files.writeString(folder.resolve(ImageStore.ROOT_DISK), "disk");
        store.writeManifest(folder, Recipe.named(name), "6.12-test", List.of("a=1"));
        return folder;
    }
}
