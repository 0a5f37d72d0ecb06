package niter.pcie;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import niter.linux.Descriptor;
import org.jspecify.annotations.Nullable;

/**
 * A card's process, with the functions "a" and "b" on one core: {@code MortalCard DIRECTORY PID
 * UNIX-MS SIGNAL}, where the numbers say how the process before it ended; a calls b's code.
 * Descriptors 3, 4 and 5 are the segment, listener and connection of a, 6, 7 and 8 those of b. As
 * of a real card, an Error of a function ends the process. It writes "ready" just before it serves,
 * with 1 for each function that is out of service.
 */
final class MortalCard {
    private static final int FIRST = 3;

    private MortalCard() {}

    private record Ended(int pid, End end) implements Escrow {
        @Override
        public void hold(Map<String, Descriptor> byKey) {}

        @Override
        public void release(String... keys) {}

        @Override
        public @Nullable End endOf(int asked) {
            return asked == pid ? end : null;
        }
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Thread.setDefaultUncaughtExceptionHandler((thread, error) -> Runtime.getRuntime().halt(1));
        Escrow keeper =
                new Ended(
                        Integer.parseInt(arguments[1]),
                        new Escrow.End(
                                Long.parseLong(arguments[2]), Integer.parseInt(arguments[3])));
        Core core = new Core("core");
        Adder caller = new Adder(() -> {});
        Adder called = new Adder(() -> {});
        caller.neighbour = called;
        Path directory = Path.of(arguments[0]);
        FunctionServer b =
                FunctionServer.start(
                        "b", called, directory.resolve("b"), keeper, given(FIRST + 3), core);
        FunctionServer a =
                FunctionServer.start(
                        "a", caller, directory.resolve("a"), keeper, given(FIRST), core);
        System.out.println("ready " + digit(a) + digit(b));
        core.start();
        Thread.currentThread().join();
    }

    private static char digit(FunctionServer server) {
        return server.isOutOfService() ? '1' : '0';
    }

    private static Map<String, Descriptor> given(int first) {
        Map<String, Descriptor> given = new HashMap<>();
        given.put(FunctionServer.SEGMENT, Descriptor.adopt(first));
        given.put(FunctionServer.LISTENER, Descriptor.adopt(first + 1));
        given.put(FunctionServer.CONNECTION, Descriptor.adopt(first + 2));
        return given;
    }
}
