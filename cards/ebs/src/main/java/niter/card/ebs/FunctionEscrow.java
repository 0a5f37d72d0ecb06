package niter.card.ebs;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import niter.linux.Descriptor;
import niter.pcie.Escrow;

/** One function's part of what the keeper holds for this card. */
final class FunctionEscrow implements Escrow {
    private final Escrow keeper;
    private final String prefix;

    FunctionEscrow(Escrow keeper, String functionId) {
        this.keeper = keeper;
        prefix = FunctionKeys.prefix(functionId);
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

    /** Lets go of all of it. */
    void releaseAll() throws IOException {
        keeper.release(prefix);
    }
}
