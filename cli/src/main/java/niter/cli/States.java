package niter.cli;

import java.util.Locale;
import niter.controller.northbound.InstanceState;

/** Names of instance states, as EC2 spells them. */
final class States {
    private States() {}

    static String name(InstanceState state) {
        return switch (state) {
            case INSTANCE_STATE_UNSPECIFIED, UNRECOGNIZED -> "unknown";
            default -> state.name().toLowerCase(Locale.ROOT).replace('_', '-');
        };
    }
}
