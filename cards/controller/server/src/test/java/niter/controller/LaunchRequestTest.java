package niter.controller;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import niter.controller.northbound.Engine;
import niter.controller.northbound.Image;
import niter.controller.northbound.PublicKey;
import niter.controller.northbound.RunInstancesRequest;
import niter.controller.record.InstanceRecord;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LaunchRequestTest {
    private static final String KEY =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b";

    @TempDir Path directory;
    private RunInstancesRequest good = RunInstancesRequest.getDefaultInstance();

    @BeforeEach
    void write() throws IOException {
        Path kernel = Files.writeString(directory.resolve("vmlinuz"), "kernel");
        Path disk = directory.resolve("root.img");
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.setLength(1 << 20);
        }
        good =
                RunInstancesRequest.newBuilder()
                        .setInstanceType("niter.medium")
                        .setCount(2)
                        .setClientToken("token")
                        .setImage(
                                Image.newBuilder()
                                        .setName("micro")
                                        .setDigest("d")
                                        .setKernel(kernel.toString())
                                        .setRootDisk(disk.toString())
                                        .setCommandLine("quiet"))
                        .setEngine(Engine.newBuilder().addCommand(kernel.toString()))
                        .build();
    }

    private void refuse(String message, UnaryOperator<RunInstancesRequest.Builder> change) {
        assertThatThrownBy(() -> LaunchRequest.of(change.apply(good.toBuilder()).build()))
                .isInstanceOfSatisfying(
                        ApiException.class,
                        e ->
                                assertThat(e.status().getCode())
                                        .isEqualTo(Status.Code.INVALID_ARGUMENT))
                .hasMessageContaining(message);
    }

    @Test
    void aRecordHasAllOfIt() throws Exception {
        LaunchRequest request = LaunchRequest.of(good);
        InstanceRecord record = request.record(1);
        assertThat(record.getInstanceId()).matches("i-[0-9a-f]{17}");
        assertThat(record.getVolumeId()).matches("vol-[0-9a-f]{17}");
        assertThat(record.getUuid()).matches("ec2[0-9a-f]{5}(-[0-9a-f]{4}){3}-[0-9a-f]{12}");
        assertThat(record.getVcpus()).isEqualTo(2);
        assertThat(record.getMemoryBytes()).isEqualTo(1L << 30);
        assertThat(record.getVolumeSizeBytes()).isEqualTo(1 << 20);
        assertThat(request.made(record)).isTrue();
        assertThat(request.record(0).getReservationId()).isEqualTo(record.getReservationId());
        LaunchRequest other = LaunchRequest.of(good.toBuilder().setCount(3).build());
        assertThat(other.made(record)).isFalse();
    }

    @Test
    void eachFieldIsCheckedAndNamed() {
        refuse("instance_type: expected one of", b -> b.setInstanceType("t2.nano"));
        refuse("count: expected 1 to 64, got 0", b -> b.setCount(0));
        refuse("count: expected 1 to 64, got 65", b -> b.setCount(65));
        refuse("name: expected none where", b -> b.setName("one"));
        for (String name : List.of("i-1", "-x", "a b", "ä", "x".repeat(64), "../x")) {
            refuse("name: expected up to 63", b -> b.setCount(1).setName(name));
        }
        refuse("client_token: expected at most", b -> b.setClientToken("x".repeat(65)));
        refuse("volume_size_bytes: expected", b -> b.setVolumeSizeBytes(4096));
        refuse("volume_size_bytes: expected", b -> b.setVolumeSizeBytes((1 << 20) + 1));
        refuse("image.kernel: expected", b -> image(b, i -> i.setKernel("vmlinuz")));
        refuse("image.kernel: ", b -> image(b, i -> i.setKernel("/\0")));
        refuse("image.root_disk: expected", b -> image(b, i -> i.setRootDisk("/no/such")));
        refuse("image.initrd: expected", b -> image(b, i -> i.setInitrd("/no/such")));
        refuse("image.command_line: expected", b -> image(b, i -> i.setCommandLine("a\nb")));
        refuse(
                "image.command_line: expected",
                b -> image(b, i -> i.setCommandLine("x".repeat(2001))));
        refuse("engine.command: expected", b -> b.setEngine(Engine.getDefaultInstance()));
    }

    @Test
    void whatTheInstanceIsToldIsKeptAndIsPartOfTheRequest() throws Exception {
        RunInstancesRequest told =
                good.toBuilder()
                        .addSecurityGroup("sg-1")
                        .setUserData(ByteString.copyFromUtf8("#!/bin/sh"))
                        .addPublicKey(key("one", KEY))
                        .build();
        LaunchRequest request = LaunchRequest.of(told);
        InstanceRecord record = request.record(0);
        assertThat(record.getSecurityGroupList()).containsExactly("sg-1");
        assertThat(record.getUserData().toStringUtf8()).isEqualTo("#!/bin/sh");
        assertThat(record.getPublicKey(0).getOpensshKey()).isEqualTo(KEY);
        assertThat(request.made(record)).isTrue();
        for (RunInstancesRequest other :
                List.of(
                        told.toBuilder().setSecurityGroup(0, "sg-2").build(),
                        told.toBuilder().clearUserData().build(),
                        told.toBuilder().setUserData(ByteString.EMPTY).build(),
                        told.toBuilder().clearPublicKey().build())) {
            assertThat(LaunchRequest.of(other).made(record)).isFalse();
        }
        assertThat(LaunchRequest.of(good).record(0).hasUserData()).isFalse();
        LaunchRequest none =
                LaunchRequest.of(good.toBuilder().setUserData(ByteString.EMPTY).build());
        assertThat(none.made(LaunchRequest.of(good).record(0))).as("none is not empty").isFalse();
    }

    @Test
    void userDataAndKeysAreChecked() throws Exception {
        LaunchRequest.of(
                good.toBuilder().setUserData(ByteString.copyFrom(new byte[16_384])).build());
        refuse(
                "InvalidParameterValue: user_data: expected at most 16384 bytes, got 16385",
                b -> b.setUserData(ByteString.copyFrom(new byte[16_385])));
        for (String name : List.of("", "a b", "../x", "x".repeat(65))) {
            refuse("public_key.name: expected", b -> b.addPublicKey(key(name, KEY)));
        }
        refuse(
                "public_key.name: one is there twice",
                b -> b.addPublicKey(key("one", KEY)).addPublicKey(key("one", KEY)));
        String blob = KEY.split(" ")[1];
        for (String line :
                List.of(
                        "",
                        "ssh-ed25519",
                        "ssh-ed25519 ????",
                        "ssh-dss " + blob,
                        "ssh-rsa " + blob, // says that it is of another type
                        "ssh-ed25519 AAAA",
                        KEY + "\n" + KEY,
                        "-----BEGIN OPENSSH PRIVATE KEY-----",
                        KEY + " " + "x".repeat(8192))) {
            refuse("InvalidKey.Format: public_key", b -> b.addPublicKey(key("one", line)));
        }
        refuse(
                "public_key: expected at most 5, got 6",
                b -> {
                    for (int n = 0; n < 6; n++) {
                        b.addPublicKey(key("k" + n, KEY));
                    }
                    return b;
                });
    }

    private static PublicKey key(String name, String line) {
        return PublicKey.newBuilder().setName(name).setOpensshKey(line).build();
    }

    private static RunInstancesRequest.Builder image(
            RunInstancesRequest.Builder request, UnaryOperator<Image.Builder> change) {
        return request.setImage(change.apply(request.getImage().toBuilder()));
    }
}
