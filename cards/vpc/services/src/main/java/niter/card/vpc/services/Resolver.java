package niter.card.vpc.services;

import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.DClass;
import org.xbill.DNS.ExtendedFlags;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Header;
import org.xbill.DNS.Message;
import org.xbill.DNS.OPTRecord;
import org.xbill.DNS.Opcode;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/**
 * The VPC's resolver: knows the VPC's names and asks the host's resolvers for all others. RFC 1035,
 * RFC 6891. Whatever a guest sends is answered or not; it is never an exception to the caller.
 */
final class Resolver {
    /** The longest query: a name has 255 bytes, and who says more wants something else. */
    static final int MAX_QUERY = 4096;

    static final int TCP_ANSWER = Message.MAXLENGTH;
    private static final int PLAIN_ANSWER = 512;
    private static final int PAYLOAD = 4096; // a frame takes more

    private final Supplier<Guests> guests;
    private final Upstream upstream;

    Resolver(Supplier<Guests> guests, Upstream upstream) {
        this.guests = guests;
        this.upstream = upstream;
    }

    /**
     * Answers a query, now or later, on any thread, or not at all.
     *
     * @param datagram whether the answer may be cut, RFC 2181, section 9
     */
    void answer(Guest asks, byte[] query, boolean datagram, Consumer<byte[]> reply) {
        if (query.length < Header.LENGTH
                || query.length > MAX_QUERY
                || (query[2] & 0x80) != 0) { // an answer: two resolvers would talk for ever
            return;
        }
        Message message;
        try {
            message = new Message(query);
        } catch (IOException | RuntimeException e) { // dnsjava throws both at bad messages
            reply.accept(formatError(query));
            return;
        }
        Reply to = new Reply(message, datagram, reply);
        try {
            answer(asks, message, to);
        } catch (RuntimeException e) {
            to.send(Rcode.SERVFAIL);
        }
    }

    private void answer(Guest asks, Message query, Reply to) {
        Header header = query.getHeader();
        @Nullable Record question = query.getQuestion();
        @Nullable OPTRecord options = query.getOPT();
        if (header.getOpcode() != Opcode.QUERY) {
            to.send(Rcode.NOTIMP);
        } else if (question == null || header.getCount(Section.QUESTION) != 1) {
            to.send(Rcode.FORMERR);
        } else if (options != null && options.getVersion() != 0) {
            to.send(Rcode.BADVERS);
        } else if (question.getDClass() != DClass.IN
                || question.getType() == Type.AXFR
                || question.getType() == Type.IXFR) {
            to.send(Rcode.REFUSED);
        } else {
            Zone.@Nullable Answer own = Zone.answer(guests.get(), asks, question);
            if (own != null) {
                to.send(own);
            } else if (!header.getFlag(Flags.RD)) {
                to.send(Rcode.REFUSED); // what others have asked for is not its business
            } else {
                forward(asks, question, to);
            }
        }
    }

    private void forward(Guest asks, Record question, Reply to) {
        @Nullable CompletableFuture<Message> asked =
                upstream.ask(asks.id(), question, to.isSecure());
        if (asked == null) {
            to.send(Rcode.SERVFAIL);
            return;
        }
        asked.thenAccept(to::send)
                .exceptionally(
                        failure -> {
                            to.send(Rcode.SERVFAIL);
                            return null;
                        });
    }

    private static byte[] formatError(byte[] query) {
        byte[] answer = new byte[Header.LENGTH];
        answer[0] = query[0];
        answer[1] = query[1];
        answer[2] = (byte) (0x80 | query[2] & 0x79); // opcode and RD as they came
        answer[3] = (byte) Rcode.FORMERR;
        return answer;
    }

    /** The answer to one query, with its id and its question to the letter. */
    private record Reply(Message query, boolean datagram, Consumer<byte[]> reply) {
        /** Whether it asks for DNSSEC's records. */
        boolean isSecure() {
            @Nullable OPTRecord options = query.getOPT();
            return options != null && (options.getFlags() & ExtendedFlags.DO) != 0;
        }

        void send(int code) {
            send(begin(), code);
        }

        void send(Zone.Answer own) {
            Message answer = begin();
            answer.getHeader().setFlag(Flags.AA);
            own.records().forEach(record -> answer.addRecord(record, Section.ANSWER));
            @Nullable Record authority = own.authority();
            if (authority != null) {
                answer.addRecord(authority, Section.AUTHORITY);
            }
            send(answer, own.code());
        }

        void send(Message upstream) {
            Message answer = begin();
            if (upstream.getHeader().getFlag(Flags.AD)) {
                answer.getHeader().setFlag(Flags.AD);
            }
            for (int section : new int[] {Section.ANSWER, Section.AUTHORITY, Section.ADDITIONAL}) {
                for (Record record : upstream.getSection(section)) {
                    if (record.getType() != Type.OPT && record.getType() != Type.TSIG) {
                        answer.addRecord(record, section);
                    }
                }
            }
            send(answer, upstream.getRcode());
        }

        private Message begin() {
            Header asked = query.getHeader();
            Message answer = new Message(asked.getID());
            Header header = answer.getHeader();
            header.setOpcode(asked.getOpcode());
            header.setFlag(Flags.QR);
            header.setFlag(Flags.RA);
            for (int flag : new int[] {Flags.RD, Flags.CD}) {
                if (asked.getFlag(flag)) {
                    header.setFlag(flag);
                }
            }
            @Nullable Record question = query.getQuestion();
            if (question != null) {
                answer.addRecord(question, Section.QUESTION);
            }
            return answer;
        }

        private void send(Message answer, int code) {
            answer.getHeader().setRcode(code & 0xf);
            int most = PLAIN_ANSWER;
            @Nullable OPTRecord options = query.getOPT();
            if (options != null) {
                most = Math.clamp(options.getPayloadSize(), PLAIN_ANSWER, PAYLOAD);
                int flags = options.getFlags() & ExtendedFlags.DO;
                answer.addRecord(new OPTRecord(PAYLOAD, code >>> 4, 0, flags), Section.ADDITIONAL);
            }
            reply.accept(answer.toWire(datagram ? most : TCP_ANSWER));
        }
    }
}
