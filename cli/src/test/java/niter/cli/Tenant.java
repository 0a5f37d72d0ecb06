package niter.cli;

import java.io.IOException;

/**
 * An instance that has its addresses.
 *
 * @param id of the instance
 */
record Tenant(String id, TestGuest guest, String mac, String ipv4, String ipv6) {
    /** Waits until DHCP and DHCPv6 have told them. */
    static Tenant of(TestHost host, String id) throws IOException {
        TestGuest guest = new TestGuest(host, id);
        String[] facts =
                guest.shell(
                                "until ip address show ens5 | grep -q 'fd6e.* scope global *$'; do sleep 0.5; done;"
                                        + " cat /sys/class/net/ens5/address;"
                                        + " ip address show ens5 | sed -n 's/.*inet6* \\([^ ]*\\)\\/.*scope global.*/\\1/p'")
                        .split("\n", -1);
        return new Tenant(id, guest, facts[0], facts[1], facts[2]);
    }
}
