package niter.card.vpc;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import niter.controller.control.Ipv6;
import org.jspecify.annotations.Nullable;

/** Attachments by address; immutable. */
final class AddressMap {
    private static final Comparator<Entry> ORDER =
            Comparator.comparingLong(Entry::high).thenComparingLong(Entry::low);

    private final Entry[] entries; // ascending as signed numbers

    private AddressMap(Entry[] entries) {
        this.entries = entries;
    }

    private record Entry(long high, long low, Attachment attachment) {}

    static AddressMap of(Collection<Attachment> all) {
        List<Entry> entries = new ArrayList<>();
        for (Attachment one : all) {
            entries.add(new Entry(0, FlowKey.mapped(one.config().address()), one));
            if (one.config().hasIpv6()) {
                Ipv6 address = one.config().ipv6();
                entries.add(new Entry(address.high(), address.low(), one));
            }
        }
        entries.sort(ORDER);
        return new AddressMap(entries.toArray(Entry[]::new));
    }

    /** By IPv4 address. */
    @Nullable Attachment get(int address) {
        return get(0, FlowKey.mapped(address));
    }

    /** By an address of 128 bits; IPv4 is mapped. */
    @Nullable Attachment get(long high, long low) {
        int first = 0;
        int last = entries.length - 1;
        while (first <= last) {
            int middle = first + last >>> 1;
            Entry entry = entries[middle];
            if (entry.high == high && entry.low == low) {
                return entry.attachment;
            }
            if (entry.high < high || entry.high == high && entry.low < low) {
                first = middle + 1;
            } else {
                last = middle - 1;
            }
        }
        return null;
    }
}
