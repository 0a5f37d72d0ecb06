package niter.card.vpc;

import java.util.List;
import java.util.Map;
import niter.controller.control.Ipv4;

/** The configuration that tests start from: everything outside the VPC by the internet gateway. */
final class Plan {
    static final Ipv4.Range UPLINK = Ipv4.Range.of("192.0.0.0/29");

    private Plan() {}

    static Configuration of(
            Ipv4.Range range, Map<String, SecurityGroup> groups, List<Interface> interfaces) {
        return new Configuration(
                range,
                "ec2.internal",
                groups,
                interfaces,
                List.of(
                        new Route(Ipv4.Range.of("0.0.0.0/0"), Route.Target.INTERNET_GATEWAY),
                        new Route(Ipv4.Range.of("198.51.100.0/24"), Route.Target.BLACKHOLE)),
                UPLINK);
    }
}
