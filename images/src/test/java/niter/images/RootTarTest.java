package niter.images;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RootTarTest {
    @TempDir Path folder;

    @ParameterizedTest
    @CsvSource({
        "./bin/sh, usr/bin/sh",
        "./sbin/, sbin",
        "/lib/modules/6.1/kernel/x.ko, usr/lib/modules/6.1/kernel/x.ko",
        "./usr/lib/x, usr/lib/x",
        "lib64/ld.so, usr/lib64/ld.so",
        "./binary, binary",
        "./, ''"
    })
    void pathsAreThoseOfTheMergedUsr(String name, String place) {
        assertThat(RootTar.place(name)).isEqualTo(place);
    }

    @Test
    void ownersModesAndDevicesAreWritten() throws IOException {
        Path tar = folder.resolve("root.tar");
        write(tar);
        List<String> entries = new ArrayList<>();
        try (TarArchiveInputStream in = new TarArchiveInputStream(Files.newInputStream(tar))) {
            for (TarArchiveEntry e = in.getNextEntry(); e != null; e = in.getNextEntry()) {
                entries.add(
                        "%s %o %d:%d %d,%d %s"
                                .formatted(
                                        e.getName(),
                                        e.getMode() & 07777,
                                        e.getLongUserId(),
                                        e.getLongGroupId(),
                                        e.getDevMajor(),
                                        e.getDevMinor(),
                                        e.getLinkName()));
            }
        }
        assertThat(entries)
                .containsExactly(
                        "dev/ 755 0:0 0,0 ",
                        "dev/console 600 0:0 5,1 ",
                        "etc/ 755 0:0 0,0 ",
                        "etc/shadow 640 0:0 0,0 ",
                        "etc/mtab 777 0:0 0,0 ../proc/self/mounts",
                        "tmp/ 1777 0:0 0,0 ");
    }

    @Test
    void theSamePartsGiveTheSameBytes() throws IOException {
        write(folder.resolve("one"));
        write(folder.resolve("two"));
        assertThat(folder.resolve("one")).hasSameBinaryContentAs(folder.resolve("two"));
    }

    private static void write(Path tar) throws IOException {
        try (RootTar root = new RootTar(tar)) {
            root.addDevice("dev/console", 0600, 5, 1);
            root.addFile("etc/shadow", 0640, "root:*".getBytes(StandardCharsets.UTF_8));
            root.addLink("etc/mtab", "../proc/self/mounts");
            root.addFolder("tmp", 01777);
        }
    }
}
