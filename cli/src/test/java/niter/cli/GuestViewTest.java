package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import niter.controller.northbound.Instance;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** What a guest sees of its machine: EC2's, and nothing else. */
@Tag("guest")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class GuestViewTest {
    private final String image;
    private final String release;
    private final TestHost host;
    private TestGuest guest;
    private Instance instance = Instance.getDefaultInstance();

    GuestViewTest(String image, String release, Path home) {
        this.image = image;
        this.release = release;
        host = new TestHost(home);
        guest = new TestGuest(host, "");
    }

    @BeforeAll
    void begin() throws IOException {
        String id =
                host.succeed("run", "--detach", "--type", "niter.medium", "--image", image).strip();
        instance = host.instances().getLast();
        assertThat(instance.getInstanceId()).isEqualTo(id);
        guest = new TestGuest(host, id);
    }

    @AfterAll
    void end() throws IOException {
        host.close();
    }

    TestGuest guest() {
        return guest;
    }

    private String volume() {
        return instance.getRootVolumeId();
    }

    @Test
    void theKernelIsDebians() throws IOException {
        assertThat(guest.shell("uname -r")).startsWith(release);
    }

    @Test
    void theRootVolumeIsAtEc2sSlotWithItsIds() throws IOException {
        assertThat(
                        guest.shell(
                                "cd /sys/bus/pci/devices/0000:00:04.0; cat vendor device class subsystem_vendor; readlink driver"))
                .isEqualTo("0x1d0f\n0x8061\n0x010802\n0x1d0f\n../../../bus/pci/drivers/nvme\n");
        assertThat(
                        guest.shell(
                                "cat /sys/class/nvme/nvme0/model /sys/class/nvme/nvme0/serial /sys/class/nvme/nvme0/firmware_rev | sed 's/ *$//'"))
                .isEqualTo(
                        "Amazon Elastic Block Store\n%s\n1.0\n"
                                .formatted(volume().replace("-", "")));
        assertThat(guest.shell("readlink -f /sys/class/nvme/nvme0/device"))
                .isEqualTo("/sys/devices/pci0000:00/0000:00:04.0\n");
    }

    @Test
    void oneDiskAndOneInterfaceAndNothingElseExist() throws IOException {
        assertThat(guest.shell("ls /sys/block | grep -v -e loop -e ram")).isEqualTo("nvme0n1\n");
        assertThat(guest.shell("for d in /sys/bus/pci/devices/*; do cat $d/class; done"))
                .isEqualTo("0x060000\n0x060100\n0x010180\n0x068000\n0x010802\n0x020000\n");
        // The driver is loaded beside the agent, and its interface named after that.
        guest.shell(
                "n=0; until [ -e /sys/class/net/ens5 ]; do n=$((n + 1)); [ $n -lt 60 ]; sleep 1;"
                        + " done");
        assertThat(guest.shell("ls /sys/class/net")).isEqualTo("ens5\nlo\n");
    }

    @Test
    void theFirmwareTablesAreEc2s() throws IOException {
        assertThat(
                        guest.shell(
                                "cd /sys/class/dmi/id; cat sys_vendor product_name bios_vendor bios_version"
                                        + " board_vendor board_asset_tag chassis_vendor chassis_asset_tag"))
                .isEqualTo(
                        """
                        Amazon EC2
                        niter.medium
                        Amazon EC2
                        1.0
                        Amazon EC2
                        %s
                        Amazon EC2
                        Amazon EC2
                        """
                                .formatted(instance.getInstanceId()));
        assertThat(guest.shell("cat /sys/class/dmi/id/product_uuid")).startsWith("ec2");
        assertThat(guest.shell("cat /sys/firmware/dmi/tables/DMI")).doesNotContain("QEMU");
    }

    @Test
    void amazonsToolsKnowTheVolume() throws IOException {
        assertThat(guest.shell("ebsnvme-id /dev/nvme0n1"))
                .contains("Volume ID: " + volume(), "xvda");
        assertThat(guest.shell("nvme amzn id-ctrl -H /dev/nvme0 2>&1; nvme id-ctrl /dev/nvme0"))
                .contains("/dev/xvda", "Amazon Elastic Block Store");
    }

    @Test
    void aResetUnderLoadLosesNothing() throws IOException {
        assertThat(
                        guest.shell(
                                "fio --name=v --filename=/root/verify --size=64M --rw=randwrite --bs=4k --direct=1"
                                        + " --ioengine=libaio --iodepth=16 --verify=crc32c --verify_fatal=1 --output-format=terse"
                                        + " >/tmp/fio 2>&1 & p=$!;"
                                        + " for i in 1 2 3 4 5; do echo 1 >/sys/class/nvme/nvme0/reset_controller; done;"
                                        + " wait $p || { cat /tmp/fio; exit 1; }; rm /root/verify; cat /sys/class/nvme/nvme0/state"))
                .isEqualTo("live\n");
        assertThat(guest.shell("dmesg")).doesNotContain("I/O error", "EXT4-fs error", "timeout, ");
    }

    @Test
    void theKernelComplainsAboutNothing() throws IOException {
        assertThat(guest.shell("dmesg -r | grep '^<[0-3]>' || true"))
                .satisfies(
                        text ->
                                assertThat(text.lines().filter(line -> line.contains("nvme")))
                                        .isEmpty());
    }

    // ---- the network adapter

    @Test
    void ethtoolSaysWhatTheAdapterIs() throws IOException {
        configured();
        assertThat(guest.shell("ethtool -i ens5"))
                .contains("driver: ena\n", "bus-info: 0000:00:05.0\n", "supports-statistics: yes");
        assertThat(guest.shell("ethtool -k ens5"))
                .contains(
                        "rx-checksumming: on\n",
                        "tx-checksum-ipv4: on\n",
                        "tx-checksum-ipv6: on\n",
                        "tx-tcp-segmentation: on\n",
                        "tx-tcp6-segmentation: on\n",
                        "receive-hashing: on\n");
        assertThat(guest.shell("ethtool -l ens5")).containsPattern("(?s)Combined:\\s+2.*:\\s+2\n");
        assertThat(guest.shell("ethtool -g ens5"))
                .containsPattern("(?s)RX:\\s+1024.*TX:\\s+1024.*RX:\\s+1024.*TX:\\s+1024");
        assertThat(guest.shell("ethtool -x ens5"))
                .contains("with 2 RX ring(s)", "0:      0     1     0     1", "toeplitz: on");
        assertThat(guest.shell("ethtool -c ens5")).contains("Adaptive RX: ");
        assertThat(guest.shell("ethtool -S ens5"))
                .contains("linklocal_allowance_exceeded: 0\n", "wd_expired: 0\n")
                .containsPattern("queue_[01]_rx_csum_good: [1-9]")
                .doesNotContainPattern("(bad_req_id|bad_desc_num|csum_bad|missed_tx): [1-9]");
    }

    /** Each of these makes the driver take its queues down and up again. */
    @Test
    void trafficGoesOnAfterEachSetting() throws IOException {
        configured();
        guest.shell("dmesg -c >/dev/null");
        for (String setting :
                List.of(
                        "ethtool -L ens5 combined 1",
                        "ethtool -L ens5 combined 2",
                        "ethtool -G ens5 rx 512 tx 256",
                        "ethtool -C ens5 adaptive-rx on",
                        "ethtool -C ens5 adaptive-rx off tx-usecs 64",
                        "ip link set ens5 mtu 576",
                        "ip link set ens5 mtu 1500",
                        "ip link set ens5 mtu 9001",
                        "echo 1 >/sys/bus/pci/devices/0000:00:05.0/remove; echo 1 >/sys/bus/pci/rescan")) {
            guest.shell(setting);
            served();
        }
        assertThat(guest.shell("ethtool -l ens5")).containsPattern("(?s)Combined:\\s+2.*:\\s+2\n");
        assertThat(guest.shell("dmesg | grep 'ena 0000' || true"))
                .doesNotContain("timeout", "Failed");
    }

    /** DHCP has told it its address. */
    void configured() throws IOException {
        guest.shell("until ip -4 address show ens5 | grep -q ' 172.31'; do sleep 0.3; done");
    }

    /** The metadata service answers, by the adapter; a driver may need half a minute for that. */
    void served() throws IOException {
        guest.shell(
                "n=0; until curl -sf -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' 169.254.169.254/latest/api/token | grep -q .; do n=$((n + 1)); [ $n -lt 40 ]; sleep 1; done");
    }
}
