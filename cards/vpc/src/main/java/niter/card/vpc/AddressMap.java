package niter.card.vpc;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Attachments by address; immutable. */
final class AddressMap {
    private final int[] addresses; // ascending as signed numbers
    private final Attachment[] attachments;

    private AddressMap(int[] addresses, Attachment[] attachments) {
        this.addresses = addresses;
        this.attachments = attachments;
    }

    static AddressMap of(Collection<Attachment> all) {
        List<Attachment> sorted =
                all.stream()
                        .sorted(Comparator.comparingInt(one -> one.config().address()))
                        .toList();
        int[] addresses = sorted.stream().mapToInt(one -> one.config().address()).toArray();
        return new AddressMap(addresses, sorted.toArray(Attachment[]::new));
    }

    @Nullable Attachment get(int address) {
        int low = 0;
        int high = addresses.length - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            if (addresses[middle] == address) {
                return attachments[middle];
            }
            if (addresses[middle] < address) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return null;
    }
}
