package niter.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Copies files to and from an instance by scp. */
@Command(
        name = "cp",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Copy files to or from an instance: niter cp FILE web:/tmp, niter cp web:/etc/motd .",
            "By scp, the way that niter ssh goes."
        })
final class CpCommand implements Callable<Integer> {
    @Option(
            names = {"-l", "--login"},
            paramLabel = "USER",
            defaultValue = "root",
            description = "User (${DEFAULT-VALUE}).")
    private String user = "";

    @Option(names = "-r", description = "Folders with all that is in them.")
    private boolean recursive;

    @Parameters(
            arity = "2..*",
            paramLabel = "PLACE",
            description = "Files, the last one is where to; INSTANCE:PATH is in an instance.")
    private List<String> places = new ArrayList<>();

    @Override
    public Integer call() {
        @Nullable String instance = null;
        for (String place : places) {
            @Nullable String named = instance(place);
            if (named != null && instance != null && !named.equals(instance)) {
                throw new CliException("cp: expected one instance, got " + instance + ", " + named);
            }
            instance = named == null ? instance : named;
        }
        if (instance == null) {
            throw new CliException("cp: expected INSTANCE:PATH as one of the places");
        }
        SshTarget target = SshTarget.of(instance);
        List<String> arguments = new ArrayList<>(target.options());
        arguments.addAll(List.of("-P", Integer.toString(target.port())));
        if (recursive) {
            arguments.add("-r");
        }
        arguments.add("--");
        for (String place : places) {
            arguments.add(
                    instance(place) == null
                            ? local(place)
                            : user + "@" + target.address() + place.substring(instance.length()));
        }
        return SshTarget.become("scp", arguments);
    }

    /** As scp tells them apart: a colon before any slash. */
    private static @Nullable String instance(String place) {
        int colon = place.indexOf(':');
        return colon <= 0 || place.substring(0, colon).contains("/")
                ? null
                : place.substring(0, colon);
    }

    private static String local(String place) {
        return place.startsWith("/") || place.startsWith(".") ? place : "./" + place;
    }
}
