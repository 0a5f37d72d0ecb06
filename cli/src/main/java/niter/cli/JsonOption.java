package niter.cli;

import picocli.CommandLine.Option;

/** For commands that list. */
final class JsonOption {
    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    boolean isSet() {
        return json;
    }
}
