package niter.images;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;

/**
 * A root file system as one tar, so that owners, modes and device nodes need no root. Entries come
 * in the order of the calls; all that is ours has one fixed time, so the same parts give the same
 * bytes.
 */
final class RootTar implements AutoCloseable {
    /** 2026-01-01: the time of all that is not a package's. */
    static final long EPOCH_SECONDS = 1_767_225_600L;

    /** Folders of the merged /usr: package paths below the left live below the right. */
    private static final Map<String, String> MERGED =
            Map.of(
                    "bin/",
                    "usr/bin/",
                    "sbin/",
                    "usr/sbin/",
                    "lib/",
                    "usr/lib/",
                    "lib64/",
                    "usr/lib64/");

    private final TarArchiveOutputStream out;
    private final Set<String> places = new HashSet<>();

    RootTar(Path file) throws IOException {
        OutputStream stream = new BufferedOutputStream(Files.newOutputStream(file), 1 << 16);
        this.out = new TarArchiveOutputStream(stream, StandardCharsets.UTF_8.name());
        out.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
        out.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
    }

    /** Where a package's path lies in an image: no leading "./", /usr merged. */
    static String place(String name) {
        String place = name.startsWith("./") ? name.substring(2) : name;
        while (place.startsWith("/")) {
            place = place.substring(1);
        }
        while (place.endsWith("/")) {
            place = place.substring(0, place.length() - 1);
        }
        for (Map.Entry<String, String> merged : MERGED.entrySet()) {
            if (place.startsWith(merged.getKey())) {
                return merged.getValue() + place.substring(merged.getKey().length());
            }
        }
        return place;
    }

    boolean has(String place) {
        return places.contains(place);
    }

    /** Adds a package's files that pass the filter, as Debian made them. */
    void addPackage(Path deb, Predicate<String> wanted) throws IOException {
        Packages.read(deb, archive -> addEntries(archive, wanted));
    }

    private void addEntries(TarArchiveInputStream archive, Predicate<String> wanted)
            throws IOException {
        for (TarArchiveEntry entry = archive.getNextEntry();
                entry != null;
                entry = archive.getNextEntry()) {
            String place = place(entry.getName());
            if (place.isEmpty() || !wanted.test(place) || places.contains(place)) {
                continue;
            }
            addParents(place);
            TarArchiveEntry copy = copyOf(entry, place);
            places.add(place);
            out.putArchiveEntry(copy);
            if (entry.isFile() && !entry.isLink()) {
                archive.transferTo(out);
            }
            out.closeArchiveEntry();
        }
    }

    private static TarArchiveEntry copyOf(TarArchiveEntry entry, String place) {
        byte type = entry.getLinkFlag();
        TarArchiveEntry copy = new TarArchiveEntry(entry.isDirectory() ? place + "/" : place, type);
        if (entry.isSymbolicLink()) {
            copy.setLinkName(entry.getLinkName());
        } else if (entry.isLink()) {
            copy.setLinkName(place(entry.getLinkName()));
        }
        copy.setMode(entry.getMode());
        copy.setIds(
                Math.toIntExact(entry.getLongUserId()), Math.toIntExact(entry.getLongGroupId()));
        copy.setModTime(entry.getLastModifiedTime());
        copy.setSize(entry.isFile() && !entry.isLink() ? entry.getSize() : 0);
        return copy;
    }

    void addFolder(String place, int mode) throws IOException {
        add(place + "/", TarConstants.LF_DIR, mode, "", new byte[0]);
    }

    void addFile(String place, int mode, byte[] content) throws IOException {
        add(place, TarConstants.LF_NORMAL, mode, "", content);
    }

    void addLink(String place, String target) throws IOException {
        add(place, TarConstants.LF_SYMLINK, 0777, target, new byte[0]);
    }

    /** A character device that the kernel opens before init has mounted /dev. */
    void addDevice(String place, int mode, int major, int minor) throws IOException {
        TarArchiveEntry entry = ours(place, TarConstants.LF_CHR, mode);
        entry.setDevMajor(major);
        entry.setDevMinor(minor);
        addParents(place);
        places.add(place);
        out.putArchiveEntry(entry);
        out.closeArchiveEntry();
    }

    private void add(String name, byte type, int mode, String target, byte[] content)
            throws IOException {
        String place = place(name);
        if (!name.equals(place + "/") && !places.add(place)) {
            throw new IllegalStateException("twice in the image: " + place);
        }
        places.add(place);
        addParents(place);
        TarArchiveEntry entry = ours(name, type, mode);
        entry.setLinkName(target);
        entry.setSize(content.length);
        out.putArchiveEntry(entry);
        out.write(content);
        out.closeArchiveEntry();
    }

    private void addParents(String place) throws IOException {
        for (int slash = place.indexOf('/'); slash > 0; slash = place.indexOf('/', slash + 1)) {
            String parent = place.substring(0, slash);
            if (places.add(parent)) {
                out.putArchiveEntry(ours(parent + "/", TarConstants.LF_DIR, 0755));
                out.closeArchiveEntry();
            }
        }
    }

    private static TarArchiveEntry ours(String name, byte type, int mode) {
        TarArchiveEntry entry = new TarArchiveEntry(name, type);
        entry.setMode(mode);
        entry.setIds(0, 0);
        entry.setUserName("root");
        entry.setGroupName("root");
        entry.setModTime(EPOCH_SECONDS * 1000);
        return entry;
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
