package niter.controller;

import java.util.List;
import java.util.stream.Collectors;
import niter.controller.northbound.InstanceType;

/** The instance types of this version. */
final class InstanceTypes {
    private static final long MIB = 1L << 20;

    static final List<InstanceType> ALL =
            List.of(
                    type("niter.small", 1, 512 * MIB),
                    type("niter.medium", 2, 1024 * MIB),
                    type("niter.large", 2, 4096 * MIB));

    private InstanceTypes() {}

    private static InstanceType type(String name, int vcpus, long memoryBytes) {
        return InstanceType.newBuilder()
                .setName(name)
                .setVcpus(vcpus)
                .setMemoryBytes(memoryBytes)
                .build();
    }

    /** The type of a name. */
    static InstanceType named(String name) throws ApiException {
        for (InstanceType type : ALL) {
            if (type.getName().equals(name)) {
                return type;
            }
        }
        String names = ALL.stream().map(InstanceType::getName).collect(Collectors.joining(", "));
        throw ApiException.invalid("instance_type: expected one of " + names + ", got " + name);
    }
}
