package niter.controller.control;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import niter.linux.Descriptor;

/**
 * The names under which the keeper holds what belongs to functions: {@code fn/ID/KEY}, where KEY is
 * the function server's, or {@code spec} for the request that made the function.
 */
public final class FunctionKeys {
    /** The request that made the function. */
    public static final String SPEC = "spec";

    private static final String ROOT = "fn/";

    private FunctionKeys() {}

    /** Everything of a function. */
    public static String prefix(String functionId) {
        return ROOT + functionId + "/";
    }

    /** What the keeper gave, by function and key. What belongs to no function is left. */
    public static Map<String, Map<String, Descriptor>> byFunction(Map<String, Descriptor> given) {
        Map<String, Map<String, Descriptor>> functions = new TreeMap<>();
        given.forEach(
                (name, descriptor) -> {
                    int slash = name.indexOf('/', ROOT.length());
                    if (!name.startsWith(ROOT) || slash < 0) {
                        return;
                    }
                    functions
                            .computeIfAbsent(
                                    name.substring(ROOT.length(), slash), id -> new HashMap<>())
                            .put(name.substring(slash + 1), descriptor);
                });
        return functions;
    }
}
