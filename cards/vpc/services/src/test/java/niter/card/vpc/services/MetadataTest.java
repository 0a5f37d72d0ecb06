package niter.card.vpc.services;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import niter.controller.control.protocol.EnsureMetadata;
import niter.controller.control.protocol.RemoveMetadata;
import niter.controller.control.protocol.ToCard;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Instance metadata as a guest's programs see it, over frames. */
class MetadataTest {
    private static final String LIFE = "X-aws-ec2-metadata-token-ttl-seconds: ";
    private static final String META = "/latest/meta-data/";

    @TempDir Path directory;
    private Lab lab;

    @BeforeEach
    void begin() throws IOException {
        lab = new Lab(directory, List.of());
        lab.ensure(Lab.metadata());
    }

    @AfterEach
    void end() {
        lab.close();
    }

    private int put(String target, String... headers) {
        return lab.http("PUT", target, headers).status();
    }

    @Test
    void aTokenIsGivenForATime() {
        String token = "/latest/api/token";
        assertThat(put(token)).isEqualTo(400);
        for (String bad : List.of("0", "21601", "-1", "x", "", "99999999999", "1.5")) {
            assertThat(put(token, LIFE + bad)).describedAs(bad).isEqualTo(400);
        }
        assertThat(put(token, LIFE + "1")).isEqualTo(200);
        assertThat(put(token, LIFE + "60", "X-Forwarded-For: 10.0.0.1")).isEqualTo(403);
        assertThat(put("/2021-03-23/api/token", LIFE + "60")).isEqualTo(403);
        Lab.Answer answer = lab.http("PUT", token, LIFE + "21600");
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.text()).matches("[A-Za-z0-9_=-]{56}");
        assertThat(answer.header("X-aws-ec2-metadata-token-ttl-seconds")).isEqualTo("21600");
        assertThat(answer.header("Content-Type")).isEqualTo("text/plain");
        assertThat(answer.header("Server")).isEqualTo("EC2ws");
        Lab.Answer wrong = lab.http("GET", token);
        assertThat(wrong.status()).isEqualTo(405);
        assertThat(wrong.header("Allow")).isEqualTo("OPTIONS, PUT");
    }

    @Test
    void theHopLimitIsThatOfAnswersWithTokensOnly() {
        Lab.Answer answer = lab.http("PUT", "/latest/api/token", LIFE + "60");
        assertThat(answer.ttl()).isEqualTo(2);
        assertThat(lab.get(answer.text(), META + "instance-id").ttl()).isEqualTo(64);
        lab.ensure(Lab.metadata().setHopLimit(0));
        assertThat(lab.http("PUT", "/latest/api/token", LIFE + "60").ttl()).isEqualTo(1);
    }

    @Test
    void withoutAGoodTokenNothingIsTold() {
        lab.ensure(Lab.other());
        assertThat(lab.http("GET", META + "instance-id").status()).isEqualTo(401);
        assertThat(lab.get("x", META + "instance-id").status()).isEqualTo(401);
        Lab.Answer others =
                lab.http(
                        GuestTcp.MAC + 1,
                        GuestTcp.ADDRESS + 1,
                        "PUT",
                        "/latest/api/token",
                        LIFE + "60");
        assertThat(others.status()).isEqualTo(200);
        assertThat(lab.get(others.text(), META + "instance-id").status()).isEqualTo(401);
        lab.ensure(Lab.metadata().setTokensOptional(true));
        assertThat(lab.http("GET", META + "instance-id").text()).isEqualTo("i-0123456789abcdef0");
        lab.ensure(Lab.metadata().setEndpointDisabled(true));
        assertThat(lab.http("GET", META + "instance-id").status()).isEqualTo(403);
        assertThat(put("/latest/api/token", LIFE + "60")).isEqualTo(403);
    }

    @Test
    void everyListedNameResolvesAndNothingEndsWithANewline() {
        String token = lab.token();
        assertThat(crawl(token, "/latest/")).isGreaterThan(40);
        Lab.Answer versions = lab.get(token, "/");
        assertThat(versions.text()).startsWith("1.0\n").endsWith("\nlatest");
        for (String version : versions.text().split("\n")) {
            Lab.Answer answer = lab.get(token, "/" + version + "/meta-data/instance-id");
            assertThat(answer.text()).isEqualTo("i-0123456789abcdef0");
        }
    }

    private int crawl(String token, String folder) {
        String listing = lab.get(token, folder).text();
        assertThat(listing).doesNotEndWith("\n");
        int found = 0;
        for (String name : listing.split("\n")) {
            if (name.endsWith("/")) {
                found += crawl(token, folder + name);
                continue;
            }
            String path = folder + name;
            Lab.Answer answer = lab.get(token, path);
            assertThat(answer.status()).describedAs(path).isEqualTo(200);
            Lab.Answer slashed = lab.get(token, path + "/");
            assertThat(slashed.body()).describedAs(path).isEqualTo(answer.body());
            if (!name.equals("user-data")) {
                assertThat(answer.text()).isNotEmpty().doesNotEndWith("\n");
            }
            found++;
        }
        return found;
    }

    @Test
    void thePathsOfTheTableAreThere() {
        String token = lab.token();
        String interfaces = "network/interfaces/macs/" + Lab.MAC + "/";
        assertLeaf(token, "instance-type", "m5.large");
        assertLeaf(token, "hostname", "ip-172-31-0-4.ec2.internal");
        assertLeaf(token, "local-ipv4", "172.31.0.4");
        assertLeaf(token, "block-device-mapping/", "ami\nroot");
        assertLeaf(token, "block-device-mapping/root", "/dev/xvda");
        assertLeaf(token, "public-keys/", "0=my-key");
        assertLeaf(token, "public-keys/0/", "openssh-key");
        assertLeaf(token, "public-keys/0/openssh-key", "ssh-ed25519 AAAA me@here");
        assertLeaf(token, "placement/region", "us-east-1");
        assertLeaf(token, "network/interfaces/macs/", Lab.MAC + "/");
        assertLeaf(token, interfaces + "device-number", "0");
        assertLeaf(token, interfaces + "subnet-ipv4-cidr-block", "172.31.0.0/20");
        assertLeaf(token, interfaces + "vpc-ipv4-cidr-blocks", "172.31.0.0/16");
        assertLeaf(token, "events/maintenance/scheduled", "[]");
        for (String none :
                List.of(
                        "iam/info",
                        "iam/security-credentials/",
                        "spot/instance-action",
                        "spot/termination-time",
                        "tags/instance/",
                        "public-ipv4",
                        "ipv6",
                        "autoscaling/target-lifecycle-state",
                        "public-hostname",
                        "events/recommendations/rebalance",
                        "../user-data/x",
                        "network/interfaces/macs/"
                                + Lab.MAC.toUpperCase(java.util.Locale.ROOT)
                                + "/mac")) {
            assertThat(lab.get(token, META + none).status()).describedAs(none).isEqualTo(404);
        }
        assertThat(lab.get(token, "/latest/dynamic/instance-identity/pkcs7").status())
                .isEqualTo(404);
        assertThat(lab.get(token, "/3000-01-01/meta-data/").status()).isEqualTo(404);
        lab.ensure(Lab.metadata().setPublicIpv4("203.0.113.7"));
        assertLeaf(token, "public-ipv4", "203.0.113.7");
        assertLeaf(token, interfaces + "ipv4-associations/203.0.113.7", "172.31.0.4");
    }

    private void assertLeaf(String token, String path, String expected) {
        Lab.Answer answer = lab.get(token, META + path);
        assertThat(answer.status()).describedAs(path).isEqualTo(200);
        assertThat(answer.text()).describedAs(path).isEqualTo(expected);
    }

    @Test
    void userDataIsBytes() {
        byte[] data = new byte[16 * 1024];
        new java.util.Random(1).nextBytes(data);
        lab.ensure(Lab.metadata().setUserData(com.google.protobuf.ByteString.copyFrom(data)));
        String token = lab.token();
        Lab.Answer answer = lab.get(token, "/2019-10-01/user-data");
        assertThat(answer.body()).isEqualTo(data);
        assertThat(answer.header("Content-Type")).isEqualTo("application/octet-stream");
        lab.ensure(Lab.metadata().clearUserData());
        assertThat(lab.get(token, "/latest/user-data").status()).isEqualTo(404);
        assertThat(lab.get(token, "/latest/").text()).isEqualTo("dynamic/\nmeta-data/");
    }

    @Test
    void headIsGetWithoutTheBody() {
        String token = lab.token();
        String path = "/latest/dynamic/instance-identity/document";
        Lab.Answer get = lab.get(token, path);
        Lab.Answer head = lab.http("HEAD", path, "X-aws-ec2-metadata-token: " + token);
        assertThat(head.body()).isEmpty();
        for (String name :
                List.of(
                        "Content-Length",
                        "Content-Type",
                        "Last-Modified",
                        "Accept-Ranges",
                        "Server",
                        "Connection")) {
            assertThat(get.header(name)).describedAs(name).isNotEmpty();
            assertThat(head.header(name)).describedAs(name).isEqualTo(get.header(name));
        }
        assertThat(get.header("Connection")).isEqualTo("close");
        assertThat(get.text())
                .startsWith("{\n  \"accountId\" : \"123456789012\",\n")
                .contains("  \"pendingTime\" : \"2026-09-21T14:13:20Z\",\n")
                .contains("  \"kernelId\" : null,\n")
                .endsWith("  \"version\" : \"2017-09-30\"\n}");
        assertThat(lab.get(token, path).body()).isEqualTo(get.body());
        Lab.Answer post = lab.http("POST", path, "X-aws-ec2-metadata-token: " + token);
        assertThat(post.status()).isEqualTo(405);
    }

    @Test
    void oldClientsAndBrokenOnesAreAnswered() {
        lab.ensure(Lab.metadata().setTokensOptional(true));
        GuestTcp old =
                lab.http(
                        GuestTcp.MAC,
                        GuestTcp.ADDRESS,
                        "GET /latest/meta-data/instance-id HTTP/1.0\r\n\r\n");
        assertThat(Lab.answer(old).text()).isEqualTo("i-0123456789abcdef0");
        GuestTcp broken = lab.http(GuestTcp.MAC, GuestTcp.ADDRESS, "\0\1\2 nonsense\r\n\r\n");
        assertThat(new String(broken.input(), StandardCharsets.ISO_8859_1))
                .contains(" 400 ", "Server: EC2ws");
        GuestTcp large =
                lab.http(
                        GuestTcp.MAC,
                        GuestTcp.ADDRESS,
                        "GET / HTTP/1.1\r\nHost: x\r\nX: " + "y".repeat(5000) + "\r\n\r\n");
        assertThat(Lab.answer(large).status()).isEqualTo(431);
    }

    @Test
    void whoIsNotKnownIsReset() {
        String request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        assertThat(lab.http(GuestTcp.MAC, GuestTcp.ADDRESS + 9, request).isReset()).isTrue();
        assertThat(lab.http(GuestTcp.MAC + 9, GuestTcp.ADDRESS, request).isReset()).isTrue();
        lab.ask(
                ToCard.newBuilder()
                        .setRemoveMetadata(RemoveMetadata.newBuilder().setInterfaceId(Lab.ID)));
        assertThat(lab.http(GuestTcp.MAC, GuestTcp.ADDRESS, request).isReset()).isTrue();
        assertThat(lab.keeper().size()).isEqualTo(1); // the key
    }

    @Test
    void aRestartLosesNothingButConnections() throws IOException {
        lab.ensure(Lab.other());
        String token = lab.token();
        lab.restart();
        assertThat(lab.get(token, META + "instance-id").text()).isEqualTo("i-0123456789abcdef0");
        assertThat(
                        lab.http(
                                        GuestTcp.MAC + 1,
                                        GuestTcp.ADDRESS + 1,
                                        "PUT",
                                        "/latest/api/token",
                                        LIFE + "60")
                                .status())
                .isEqualTo(200);
        byte[] frame = new byte[Packet.MAX_FRAME];
        Packet.Path path =
                new Packet.Path(
                        GuestTcp.ROUTER, GuestTcp.MAC, GuestTcp.ADDRESS, LinkLocal.METADATA);
        lab.send(frame, Segment.write(frame, path, 999, 80, 17, 23, Segment.ACK, 1000, 64, 20, 0));
        int bytes;
        Segment reset;
        do { // what is left of the conversation before
            bytes = lab.receive(frame, 5000);
            reset = GuestTcp.segment(frame, bytes);
        } while (reset.destinationPort() != 999);
        assertThat(reset.has(Segment.RST)).isTrue();
        assertThat(reset.sequence()).isEqualTo(23);
    }

    @Test
    void whatMakesNoSenseIsRefusedByName() {
        refuse("interface_id", Lab.metadata().setInterfaceId("vol-1"));
        refuse("mac", Lab.metadata().setMac("0E:01:02:03:04:05"));
        refuse("mac", Lab.metadata().setInterfaceId("eni-2"));
        refuse("private_ipv4", Lab.metadata().setPrivateIpv4("172.31.255.4"));
        refuse("private_ipv4", Lab.other().setPrivateIpv4("172.31.0.4"));
        refuse("subnet_cidr", Lab.metadata().setSubnetCidr("10.0.0.0/24"));
        refuse("vpc_cidr", Lab.metadata().setVpcCidr("172.31.0.1/16"));
        refuse("domain", Lab.metadata().setDomain("ec2..internal"));
        refuse("host_name", Lab.metadata().setHostName("a.b"));
        refuse("public_ipv4", Lab.metadata().setPublicIpv4("1.2.3"));
        refuse("instance_id", Lab.metadata().setInstanceId("i-\n"));
        refuse("image_id", Lab.metadata().clearImageId());
        refuse("owner_id", Lab.metadata().setOwnerId("12"));
        refuse("root_device", Lab.metadata().setRootDevice("/dev/xvda"));
        refuse("launched_unix_ms", Lab.metadata().clearLaunchedUnixMs());
        refuse("hop_limit", Lab.metadata().setHopLimit(65));
        refuse("hop_limit", Lab.metadata().setHopLimit(-1));
        refuse("security_group_id", Lab.metadata().addSecurityGroupId("x"));
        refuse(
                "user_data",
                Lab.metadata()
                        .setUserData(com.google.protobuf.ByteString.copyFrom(new byte[16_385])));
    }

    private void refuse(String field, EnsureMetadata.Builder metadata) {
        String message =
                lab.ask(ToCard.newBuilder().setEnsureMetadata(metadata)).getFailed().getMessage();
        assertThat(message).startsWith(field + ": ");
    }
}
