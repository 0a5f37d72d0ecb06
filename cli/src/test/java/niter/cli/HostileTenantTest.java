package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import niter.linux.Processes;
import niter.linux.Signals;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A tenant with raw sockets (hostile.py) against two who mind their own business: each kind of
 * attack is counted under its reason, none of it arrives, and their ping loses nothing.
 */
@Tag("guest")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class HostileTenantTest {
    private static final Pattern SENT = Pattern.compile("([a-z-]+) ([0-9]+)");
    private static final String RATIONED = "link-local-limit";
    private static final String ROUTER = "0e:00:ac:1f:00:00";
    private static final int ROUNDS = 150;

    private final Path directory;
    private final TestHost host;

    HostileTenantTest(@TempDir Path home) {
        directory = home;
        host = new TestHost(home);
    }

    @AfterEach
    void end() throws IOException {
        host.close();
    }

    @Test
    void nothingOfItArrivesAndAllIsCounted() throws Exception {
        host.succeed("up");
        host.succeed("sg", "create", "mallory");
        String first = host.succeed("run", "-d", "--image", "tools").strip();
        String second = host.succeed("run", "-d").strip();
        String third = host.succeed("run", "-d", "--image", "tools", "--sg", "mallory").strip();
        Tenant victim = Tenant.of(host, first);
        Tenant friend = Tenant.of(host, second);
        Tenant hostile = Tenant.of(host, third);
        String neighbors = neighbors(victim, friend);
        String routes = victim.guest().shell("ip route; ip -6 route | sed 's/ expires.*//'");

        Path file = directory.resolve("victim.pcapng");
        TestHost.Running capture =
                host.start(new byte[0], Map.of(), "vpc", "capture", first, "-w", file.toString());
        CompletableFuture<String> ping =
                CompletableFuture.supplyAsync(
                        () -> shell(victim, "ping -q -i 0.1 -c 100 " + friend.ipv4()),
                        task -> Thread.ofPlatform().daemon().name("ping").start(task));
        String sent = attack(hostile, victim, friend);
        assertThat(ping.get()).contains(" 0% packet loss");
        assertThat(Processes.kill((int) capture.process().pid(), Signals.SIGINT)).isTrue();
        assertThat(capture.await().status()).isZero();

        String seen = Files.readString(file, StandardCharsets.ISO_8859_1);
        assertThat(seen.length()).as("the ping was seen").isGreaterThan(100 * 98);
        assertThat(seen).doesNotContain("MALLORY");
        assertThat(neighbors(victim, friend)).isEqualTo(neighbors);
        assertThat(victim.guest().shell("ip route; ip -6 route | sed 's/ expires.*//'"))
                .isEqualTo(routes);
        String drops = host.succeed("vpc", "drops");
        Matcher kinds = SENT.matcher(sent);
        int count = 0;
        while (kinds.find()) {
            long expected = kinds.group(1).equals(RATIONED) ? 1 : Long.parseLong(kinds.group(2));
            assertThat(drops(drops, third, kinds.group(1)))
                    .as(kinds.group())
                    .isGreaterThanOrEqualTo(expected);
            count++;
        }
        assertThat(count).as(sent).isEqualTo(9);
    }

    private static String attack(Tenant hostile, Tenant victim, Tenant friend) throws IOException {
        hostile.guest()
                .shell("cat >/tmp/hostile.py <<'END'\n" + TestGuest.script("hostile.py") + "END");
        List<String> words = new ArrayList<>();
        for (Tenant one : List.of(hostile, victim, friend)) {
            words.addAll(List.of(one.mac(), one.ipv4(), one.ipv6()));
        }
        return hostile.guest()
                .shell(
                        "python3 /tmp/hostile.py %s %s %d"
                                .formatted(String.join(" ", words), ROUTER, ROUNDS));
    }

    /** Who the router and the friend are to the victim. */
    private static String neighbors(Tenant victim, Tenant friend) throws IOException {
        return victim.guest()
                .shell(
                        "ping -q -c 1 %s >/dev/null; ping -q -c 1 %s >/dev/null; ip neigh | sed -n 's/ ref .*//;s/ used .*//;s/ [A-Z]*$//;s/ router//;/lladdr/p' | sort"
                                .formatted(friend.ipv4(), friend.ipv6()));
    }

    private static String shell(Tenant tenant, String script) {
        try {
            return tenant.guest().shell(script);
        } catch (IOException e) {
            throw new CompletionException(e);
        }
    }

    private static long drops(String table, String instance, String reason) {
        Matcher row =
                Pattern.compile(instance + " +\\S+ +" + Pattern.quote(reason) + " +([0-9]+)")
                        .matcher(table);
        return row.find() ? Long.parseLong(row.group(1)) : 0;
    }
}
