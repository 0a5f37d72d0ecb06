package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Debian 13's kernel. */
class GuestView612Test extends GuestViewTest {
    GuestView612Test(@TempDir Path home) {
        super("tools", "6.12", home);
    }

    /** Its driver hears of it only when keep-alives stay away, and resets the device itself. */
    @Test
    void aFunctionLevelResetUnderTheAdaptersDriverIsMended() throws IOException {
        configured();
        guest().shell("echo 1 >/sys/bus/pci/devices/0000:00:05.0/reset");
        served();
        assertThat(guest().shell("dmesg | grep 'ena 0000'"))
                .contains("Device reset completed successfully");
    }
}
