package niter.images;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;

/** Debian's kernel package: the kernel, and the modules an image asks for. */
final class KernelPackage {
    private KernelPackage() {}

    /**
     * Takes the kernel out, and puts modules into the image with the index that modprobe reads.
     *
     * @param modules names as lsmod prints them
     * @param kernel where the kernel goes
     * @throws ImageException if the package lacks one of them
     */
    static void add(Path deb, List<String> modules, RootTar root, Path kernel) throws IOException {
        List<String> found = new ArrayList<>();
        String[] folder = new String[1];
        Packages.read(
                deb,
                archive -> {
                    for (TarArchiveEntry entry = archive.getNextEntry();
                            entry != null;
                            entry = archive.getNextEntry()) {
                        String place = RootTar.place(entry.getName());
                        if (place.startsWith("boot/vmlinuz-")) {
                            Files.write(kernel, archive.readAllBytes());
                        } else if (modules.contains(moduleName(place))) {
                            root.addFile(place, 0644, archive.readAllBytes());
                            int at = place.indexOf("/kernel/");
                            folder[0] = place.substring(0, at);
                            found.add(place.substring(at + 1));
                        }
                    }
                });
        if (!Files.exists(kernel) || found.size() != modules.size()) {
            throw new ImageException(
                    "The package %s has not all of vmlinuz, %s: change the recipe"
                            .formatted(deb.getFileName(), String.join(", ", modules)));
        }
        if (!found.isEmpty()) {
            Collections.sort(found);
            String index = String.join(":\n", found) + ":\n";
            root.addFile(folder[0] + "/modules.dep", 0644, index.getBytes());
        }
    }

    /** "usr/lib/modules/6.12/kernel/drivers/acpi/button.ko.xz" is "button"; other files are "". */
    static String moduleName(String place) {
        int end = place.indexOf(".ko");
        if (!place.startsWith("usr/lib/modules/") || end < 0) {
            return "";
        }
        return place.substring(place.lastIndexOf('/') + 1, end).replace('-', '_');
    }
}
