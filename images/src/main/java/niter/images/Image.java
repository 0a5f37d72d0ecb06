package niter.images;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * An image that is ready to be started.
 *
 * @param name the recipe's name: "micro"
 * @param version the kernel's and the recipe's version, for people
 * @param digest SHA-256 over kernel, root disk and command line, in hex
 * @param kernel the kernel that is booted directly
 * @param initrd its initial RAM disk, where it needs one
 * @param rootDisk a sparse file: the root disk's content
 * @param commandLine the kernel's command line
 * @param sizeBytes size of the root disk as the guest sees it
 */
public record Image(
        String name,
        String version,
        String digest,
        Path kernel,
        @Nullable Path initrd,
        Path rootDisk,
        String commandLine,
        long sizeBytes) {}
