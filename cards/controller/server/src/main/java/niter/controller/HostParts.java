package niter.controller;

import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * What an instance is made with.
 *
 * @param directories parent of the instances' directories
 * @param logs where hypervisors' logs lie
 * @param changed told of each change of state, with the instance's monitor held
 * @param gone told of an instance that is terminated
 */
record HostParts(
        RecordStore store,
        Volumes volumes,
        Attachments attachments,
        Network network,
        Engines engines,
        Path directories,
        Path logs,
        Consumer<Instance> changed,
        Consumer<Instance> gone) {}
