package niter.cli;

import java.util.HashSet;
import java.util.Set;
import niter.images.Image;
import niter.images.Images;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Lists images that are built, and those that can be. */
@Command(
        name = "ls",
        mixinStandardHelpOptions = true,
        description = "List images that are built and those that can be.")
final class ImageListCommand implements Runnable {
    @Mixin private JsonOption json = new JsonOption();

    @Override
    public void run() {
        Table table = new Table("Image", "Version", "Built", "Used", "Size", "Digest");
        Set<String> built = new HashSet<>();
        for (Image image : Images.list(CacheDirectory.fromEnvironment())) {
            built.add(image.name());
            table.row(
                    Table.Cell.of(image.name()),
                    Table.Cell.of(image.version()),
                    new Table.Cell("yes", true),
                    Table.Cell.bytes(AllocatedBytes.of(image.rootDisk())),
                    Table.Cell.bytes(image.sizeBytes()),
                    new Table.Cell(image.digest().substring(0, 12), image.digest()));
        }
        for (String name : Images.names()) {
            if (!built.contains(name)) {
                table.row(
                        Table.Cell.of(name),
                        Table.Cell.of(""),
                        new Table.Cell("no", false),
                        Table.Cell.bytes(0),
                        Table.Cell.bytes(0),
                        Table.Cell.of(""));
            }
        }
        table.print(System.out, json.isSet());
    }
}
