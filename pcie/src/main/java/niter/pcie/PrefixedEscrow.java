package niter.pcie;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import niter.linux.Descriptor;
import org.jspecify.annotations.Nullable;

/** One function's part of what an escrow holds for a card: its keys begin with a prefix. */
public final class PrefixedEscrow implements Escrow {
    private final Escrow keeper;
    private final String prefix;

    /**
     * A part.
     *
     * @param prefix ends in "/"
     */
    public PrefixedEscrow(Escrow keeper, String prefix) {
        this.keeper = keeper;
        this.prefix = prefix;
    }

    @Override
    public void hold(Map<String, Descriptor> byKey) throws IOException {
        Map<String, Descriptor> named = new HashMap<>();
        byKey.forEach((key, descriptor) -> named.put(prefix + key, descriptor));
        keeper.hold(named);
    }

    @Override
    public void release(String... keys) throws IOException {
        String[] named = new String[keys.length];
        for (int i = 0; i < keys.length; i++) {
            named[i] = prefix + keys[i];
        }
        keeper.release(named);
    }

    @Override
    public @Nullable End endOf(int pid) {
        return keeper.endOf(pid);
    }

    /** Lets go of all of it. */
    public void releaseAll() throws IOException {
        keeper.release(prefix);
    }
}
