package niter.keeper;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import niter.controller.control.KeeperClient;
import niter.linux.Descriptor;
import org.jspecify.annotations.Nullable;

/**
 * A process that may take the place of another: {@code BuildProcess SOCKET BUILD WAY}. It writes
 * its build and what it was given to its log. The way is "serve", or "mute": it does not say that
 * it serves; "die": it ends when it is its turn; "wait": it lets go once the file SOCKET.go is
 * there.
 */
final class BuildProcess {
    private BuildProcess() {}

    public static void main(String[] arguments) throws Exception {
        KeeperClient keeper = KeeperClient.connectInTurn(Path.of(arguments[0]), "ebs", () -> {});
        String build = arguments[1];
        @Nullable Descriptor state = keeper.given().get("state");
        System.out.println(build + " " + (state == null ? "new" : TestKeeper.text(state)));
        try (Descriptor memory = TestKeeper.memory("from " + build)) {
            keeper.hold(Map.of("state", memory));
        }
        if (arguments[2].equals("die")) {
            System.exit(7);
        }
        if (!arguments[2].equals("mute")) {
            keeper.serving();
        }
        boolean waits = arguments[2].equals("wait");
        Path go = Path.of(arguments[0] + ".go");
        Runnable letGo =
                () -> {
                    System.out.println(build + " lets go");
                    while (waits && !Files.exists(go)) {
                        Thread.onSpinWait();
                    }
                    keeper.letGo();
                };
        Runtime.getRuntime().addShutdownHook(new Thread(letGo));
        System.out.println(build + " up");
        Thread.currentThread().join();
    }
}
