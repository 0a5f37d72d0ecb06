package niter.card.vpc.services;

import java.util.Collection;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import niter.controller.control.Ipv4;
import org.jspecify.annotations.Nullable;

/** All interfaces known at one moment. Never changes: whoever reads it needs no lock. */
final class Guests {
    private record Named(String vpc, String name) {}

    private record Placed(String vpc, int address) {}

    static final Guests NONE = new Guests(Map.of());

    private final Map<String, Guest> byId;
    private final Map<Long, Guest> byMac = new HashMap<>();
    private final Map<Named, Guest> byName = new HashMap<>();
    private final Map<Placed, Guest> byAddress = new HashMap<>();

    private Guests(Map<String, Guest> byId) {
        this.byId = byId;
        for (Guest guest : byId.values()) {
            String vpc = guest.told().getVpcId();
            byMac.put(guest.mac(), guest);
            byAddress.put(new Placed(vpc, guest.address()), guest);
            String plain = "ip-" + Ipv4.text(guest.address()).replace('.', '-');
            byName.put(new Named(vpc, plain), guest);
            byName.put(new Named(vpc, guest.name()), guest);
        }
    }

    Guests with(Guest guest) {
        Map<String, Guest> more = new TreeMap<>(byId);
        more.put(guest.id(), guest);
        return new Guests(more);
    }

    Guests without(String id) {
        Map<String, Guest> fewer = new TreeMap<>(byId);
        fewer.remove(id);
        return new Guests(fewer);
    }

    Collection<Guest> all() {
        return byId.values();
    }

    /** Whose frames these are; both must be the interface's. */
    @Nullable Guest from(long mac, int address) {
        @Nullable Guest guest = byMac.get(mac);
        return guest != null && guest.address() == address ? guest : null;
    }

    /** Who is called so, in the VPC of the one who asks. */
    @Nullable Guest named(Guest asks, String name) {
        return byName.get(new Named(asks.told().getVpcId(), name.toLowerCase(Locale.ROOT)));
    }

    /** Who has that address, in the VPC of the one who asks. */
    @Nullable Guest at(Guest asks, int address) {
        return byAddress.get(new Placed(asks.told().getVpcId(), address));
    }
}
