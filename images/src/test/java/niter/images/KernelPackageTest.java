package niter.images;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KernelPackageTest {
    @ParameterizedTest
    @CsvSource({
        "usr/lib/modules/6.12/kernel/drivers/acpi/button.ko.xz, button",
        "usr/lib/modules/6.1/kernel/drivers/nvme/host/nvme-tcp.ko, nvme_tcp",
        "usr/lib/modules/6.1/modules.order, ''",
        "boot/vmlinuz-6.1, ''"
    })
    void modulesHaveTheNamesThatLsmodPrints(String place, String name) {
        assertThat(KernelPackage.moduleName(place)).isEqualTo(name);
    }
}
