package niter.card.vpc;

import java.util.List;

/**
 * A security group.
 *
 * @param id "sg-…"
 * @param in rules for what comes to its interfaces
 * @param out rules for what leaves them
 */
record SecurityGroup(String id, List<Rule> in, List<Rule> out) {}
