package niter.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class ArchiveTest {
    private static final Path KEYRING = Path.of("/keys.gpg");

    @Test
    void theMirrorIsTheOneThatTheMachineUses() {
        Archive archive =
                Archive.of(
                        List.of(
                                "'https://mirror.example/debian/dists/bookworm/InRelease' m_InRelease 0 ",
                                "'https://mirror.example/debian/dists/bookworm-updates/InRelease' u 0 ",
                                "'http://safe.example/sec/dists/bookworm-security/InRelease' s 0 "),
                        List.of(),
                        KEYRING);
        assertThat(archive.sources(Archive.Release.TRIXIE))
                .containsExactly(
                        "deb [arch=amd64 signed-by=/keys.gpg] https://mirror.example/debian/ trixie main",
                        "deb [arch=amd64 signed-by=/keys.gpg] https://mirror.example/debian/"
                                + " trixie-updates main",
                        "deb [arch=amd64 signed-by=/keys.gpg] https://mirror.example/debian/"
                                + " trixie-backports main",
                        "deb [arch=amd64 signed-by=/keys.gpg] http://safe.example/sec/"
                                + " trixie-security main");
    }

    @Test
    void otherPeoplesRepositoriesAreNoMirror() {
        assertThatThrownBy(
                        () ->
                                Archive.of(
                                        List.of(
                                                "'https://a.example/node/dists/nodistro/InRelease' n 0 ",
                                                "'https://a.example/u/dists/noble/InRelease' u 0 ",
                                                "'https://a.example/flat/InRelease' f 0 "),
                                        List.of(),
                                        KEYRING))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("no Debian mirror");
    }

    @Test
    void aMirrorListOfTheMachineStaysOne() {
        Archive archive =
                Archive.of(
                        List.of(
                                "'mirror+file:/etc/apt/mirrors/debian.list/dists/trixie/InRelease' x 0"),
                        List.of(),
                        KEYRING);
        assertThat(archive.main()).isEqualTo("mirror+file:/etc/apt/mirrors/debian.list/");
        assertThat(archive.security()).isNull();
        assertThat(archive.sources(Archive.Release.BOOKWORM)).hasSize(2);
    }

    @Test
    void proxiesAreKeptAndExtraIndexesAreNot() {
        Archive archive =
                Archive.of(
                        List.of("'http://m.example/debian/dists/stable/InRelease' x 0"),
                        List.of(
                                "Acquire \"\";",
                                "Acquire::http::Proxy \"http://proxy.example:3128\";",
                                "Acquire::Languages:: \"en\";",
                                "Acquire::IndexTargets::deb::Contents-deb::MetaKey \"x\";"),
                        KEYRING);
        assertThat(archive.settings())
                .containsExactly("Acquire::http::Proxy \"http://proxy.example:3128\";");
    }
}
