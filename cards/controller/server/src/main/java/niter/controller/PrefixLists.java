package niter.controller;

import io.grpc.Status;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import niter.controller.northbound.ManagedPrefixList;
import niter.controller.northbound.ModifyManagedPrefixListRequest;
import niter.controller.northbound.PrefixListEntry;
import niter.controller.northbound.SecurityGroup;
import niter.controller.record.NetworkRecord;
import org.jspecify.annotations.Nullable;

/**
 * EC2's customer-managed prefix lists: ranges of one family, which rules of security groups name.
 * Each change is durable before it returns, and makes a new version of the list.
 */
final class PrefixLists {
    private static final int MAX_LISTS = 100;
    private static final int MAX_ENTRIES = 1000;

    private final SecurityGroups groups;
    private final NetworkFile file;

    /** Lists in the file that the groups are in; their monitor guards changes of both. */
    PrefixLists(SecurityGroups groups, NetworkFile file) {
        this.groups = groups;
        this.file = file;
    }

    /** All of them. */
    List<ManagedPrefixList> all() {
        return file.record().getPrefixListList();
    }

    /**
     * A list by its id.
     *
     * @throws ApiException InvalidPrefixListID.NotFound
     */
    ManagedPrefixList find(String id) throws ApiException {
        return find(file.record(), id);
    }

    static ManagedPrefixList find(NetworkRecord record, String id) throws ApiException {
        for (ManagedPrefixList list : record.getPrefixListList()) {
            if (list.getPrefixListId().equals(id)) {
                return list;
            }
        }
        throw new ApiException(
                Status.Code.NOT_FOUND,
                "InvalidPrefixListID.NotFound: prefix_list_id: expected an id that niter"
                        + " prefix-list list shows, got \""
                        + id
                        + "\"");
    }

    /** Makes a list; id and version of what was asked for do not matter. */
    ManagedPrefixList create(ManagedPrefixList asked) throws ApiException, IOException {
        synchronized (groups) {
            String name = asked.getPrefixListName();
            SecurityGroups.text("prefix_list_name", name);
            if (name.startsWith("com.amazonaws")) {
                throw ApiException.invalid(
                        "InvalidParameterValue: prefix_list_name: com.amazonaws is reserved");
            }
            if (!asked.getAddressFamily().matches("IPv[46]")) {
                throw ApiException.invalid(
                        "InvalidParameterValue: address_family: expected IPv4 or IPv6, got \""
                                + asked.getAddressFamily()
                                + "\"");
            }
            if (asked.getMaxEntries() < 1 || asked.getMaxEntries() > MAX_ENTRIES) {
                throw ApiException.invalid(
                        "InvalidParameterValue: max_entries: expected 1 to 1000, got "
                                + asked.getMaxEntries());
            }
            if (all().size() >= MAX_LISTS) {
                throw ApiException.exhausted("PrefixListLimitExceeded: there are 100 already");
            }
            ManagedPrefixList made =
                    asked.toBuilder()
                            .setPrefixListId(Ids.make("pl"))
                            .setVersion(1)
                            .clearEntry()
                            .addAllEntry(merged(asked.toBuilder().clearEntry().build(), asked))
                            .build();
            file.replace(file.record().toBuilder().addPrefixList(made).build());
            return made;
        }
    }

    /** Removes and adds entries, all or none. */
    ManagedPrefixList modify(ModifyManagedPrefixListRequest request)
            throws ApiException, IOException {
        synchronized (groups) {
            ManagedPrefixList list = find(request.getPrefixListId());
            if (request.getCurrentVersion() != 0
                    && request.getCurrentVersion() != list.getVersion()) {
                throw ApiException.precondition(
                        "PrefixListVersionMismatch: current_version: %s has version %d, got %d"
                                .formatted(
                                        list.getPrefixListId(),
                                        list.getVersion(),
                                        request.getCurrentVersion()));
            }
            if (request.getAddEntryCount() + request.getRemoveCidrCount() == 0) {
                throw ApiException.invalid(
                        "MissingParameter: add_entry: expected entries to add or to remove");
            }
            ManagedPrefixList.Builder rest = list.toBuilder().clearEntry();
            List<String> gone = new ArrayList<>();
            for (String cidr : request.getRemoveCidrList()) {
                gone.add(range("remove_cidr", list, cidr));
            }
            for (PrefixListEntry entry : list.getEntryList()) {
                if (!gone.remove(entry.getCidr())) {
                    rest.addEntry(entry);
                }
            }
            if (!gone.isEmpty()) {
                throw new ApiException(
                        Status.Code.NOT_FOUND,
                        "InvalidPrefixListEntry.NotFound: remove_cidr: %s has no %s"
                                .formatted(list.getPrefixListId(), gone.getFirst()));
            }
            ManagedPrefixList added =
                    list.toBuilder().clearEntry().addAllEntry(request.getAddEntryList()).build();
            ManagedPrefixList next =
                    rest.build().toBuilder()
                            .clearEntry()
                            .addAllEntry(merged(rest.build(), added))
                            .setVersion(list.getVersion() + 1)
                            .build();
            replace(list, next);
            return next;
        }
    }

    /** Deletes a list that no rule names. */
    ManagedPrefixList delete(String id) throws ApiException, IOException {
        synchronized (groups) {
            ManagedPrefixList list = find(id);
            for (SecurityGroup group : groups.all()) {
                if (group.getRuleList().stream()
                        .anyMatch(rule -> rule.getPrefixListId().equals(id))) {
                    throw ApiException.precondition(
                            "DependencyViolation: %s is named by a rule of %s"
                                    .formatted(id, group.getGroupId()));
                }
            }
            replace(list, null);
            return list;
        }
    }

    private void replace(ManagedPrefixList list, @Nullable ManagedPrefixList next)
            throws ApiException, IOException {
        NetworkRecord.Builder record = file.record().toBuilder().clearPrefixList();
        for (ManagedPrefixList one : all()) {
            if (one != list) {
                record.addPrefixList(one);
            } else if (next != null) {
                record.addPrefixList(next);
            }
        }
        file.replace(record.build());
    }

    /** A list's entries and those of another of its kind; the latter's description is the newer. */
    private static List<PrefixListEntry> merged(ManagedPrefixList list, ManagedPrefixList added)
            throws ApiException {
        Map<String, PrefixListEntry> entries = new LinkedHashMap<>();
        list.getEntryList().forEach(entry -> entries.put(entry.getCidr(), entry));
        for (PrefixListEntry entry : added.getEntryList()) {
            Permissions.description(entry.getDescription());
            String cidr = range("entry.cidr", list, entry.getCidr());
            entries.put(cidr, entry.toBuilder().setCidr(cidr).build());
        }
        if (entries.size() > list.getMaxEntries()) {
            throw ApiException.exhausted(
                    "PrefixListMaxEntriesExceeded: entry: expected at most %d, got %d"
                            .formatted(list.getMaxEntries(), entries.size()));
        }
        return List.copyOf(entries.values());
    }

    private static String range(String field, ManagedPrefixList list, String cidr)
            throws ApiException {
        return list.getAddressFamily().equals("IPv4")
                ? Permissions.range(field, cidr)
                : Permissions.range6(field, cidr);
    }
}
