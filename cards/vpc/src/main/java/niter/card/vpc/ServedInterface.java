package niter.card.vpc;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import niter.controller.control.FunctionKeys;
import niter.controller.control.MetricsText;
import niter.controller.control.protocol.EnsureInterface;
import niter.controller.control.protocol.Function;
import niter.ena.Allowance;
import niter.ena.EnaController;
import niter.ena.Frame;
import niter.linux.Descriptor;
import niter.pcie.Core;
import niter.pcie.Escrow;
import niter.pcie.FunctionServer;
import niter.pcie.PrefixedEscrow;
import org.jspecify.annotations.Nullable;

/** An interface behind an ENA function. */
final class ServedInterface {
    private static final String LABEL = "interface_id";

    private final EnsureInterface request;
    private final Attachment attachment;
    private final EnaController adapter;
    private final FunctionServer server;
    private final PrefixedEscrow escrow;
    private final Core core;
    private final Vpc vpc;

    private ServedInterface(
            EnsureInterface request,
            Attachment attachment,
            EnaController adapter,
            FunctionServer server,
            PrefixedEscrow escrow,
            Core core,
            Vpc vpc) {
        this.request = request;
        this.attachment = attachment;
        this.adapter = adapter;
        this.server = server;
        this.escrow = escrow;
        this.core = core;
        this.vpc = vpc;
    }

    /** The adapter as a port; it exists before its adapter does. */
    private static final class Plug implements Port {
        private @Nullable EnaController adapter; // set before the core hears of it

        @Override
        public boolean receive(Frame frame) {
            EnaController plugged = adapter;
            return plugged != null && plugged.receive(frame);
        }

        @Override
        public void flush() {
            EnaController plugged = adapter;
            if (plugged != null) {
                plugged.flush();
            }
        }

        @Override
        public void exceeded(Allowance allowance) {
            EnaController plugged = adapter;
            if (plugged != null) {
                plugged.exceeded(allowance);
            }
        }

        @Override
        public int mtu() {
            EnaController plugged = adapter;
            return plugged == null ? Configurations.MTU : plugged.mtu();
        }
    }

    /**
     * Begins to serve, or goes on with what an earlier process left.
     *
     * @param given what the keeper held of this function; taken over
     */
    static ServedInterface start(
            EnsureInterface request,
            Core core,
            Vpc vpc,
            PrefixedEscrow escrow,
            Map<String, Descriptor> given)
            throws RefusedException, IOException {
        Plug plug = new Plug();
        Interface config = Configurations.networkInterface(request.getInterface());
        Attachment attachment = new Attachment(vpc, config, plug);
        EnaController adapter =
                new EnaController(Configurations.identity(request.getInterface()), attachment);
        plug.adapter = adapter;
        core.execute(() -> vpc.attach(attachment)); // before its guest can send
        boolean started = false;
        try {
            FunctionServer server =
                    FunctionServer.start(
                            request.getFunctionId(),
                            adapter,
                            Path.of(request.getSocketPath()),
                            escrow,
                            new HashMap<>(given),
                            core);
            started = true;
            return new ServedInterface(request, attachment, adapter, server, escrow, core, vpc);
        } finally {
            if (!started) {
                core.execute(() -> vpc.detach(config.id()));
            }
        }
    }

    /** As it was asked for. */
    EnsureInterface request() {
        return request;
    }

    Attachment attachment() {
        return attachment;
    }

    boolean isOutOfService() {
        return server.isOutOfService();
    }

    /** Completes, on the core's thread, with the exception that ended the function, if one does. */
    CompletionStage<RuntimeException> failure() {
        return server.failure();
    }

    /** Adds what it counts. On the core's thread. */
    void measure(MetricsText text) {
        String id = request.getFunctionId();
        EnaController.Traffic traffic = adapter.traffic();
        text.counter(
                "niter_vpc_sent_packets_total",
                "Packets that the guest sent.",
                traffic.sentPackets(),
                LABEL,
                id);
        text.counter("niter_vpc_sent_bytes_total", "Their bytes.", traffic.sentBytes(), LABEL, id);
        text.counter(
                "niter_vpc_received_packets_total",
                "Packets that the guest received.",
                traffic.receivedPackets(),
                LABEL,
                id);
        text.counter(
                "niter_vpc_received_bytes_total",
                "Their bytes.",
                traffic.receivedBytes(),
                LABEL,
                id);
        text.counter(
                "niter_vpc_interrupts_total", "Interrupts fired.", server.interrupts(), LABEL, id);
        text.gauge(
                "niter_vpc_flows_available",
                "Flows that may begin, as far as is known.",
                attachment.conntrackAvailable(),
                LABEL,
                id);
    }

    Function describe() {
        return Function.newBuilder()
                .setFunctionId(request.getFunctionId())
                .setConnected(server.connected())
                .build();
    }

    /** Ends the function: the connection, the socket, its flows, what the keeper holds. */
    void remove() throws IOException {
        server.close();
        // Before the keeper forgets it: whoever gets the address next must find no flows.
        core.ask(
                () -> {
                    vpc.detach(request.getInterface().getInterfaceId());
                    return true;
                });
        escrow.releaseAll();
    }

    /** Everything of a function with the keeper. */
    static PrefixedEscrow escrow(Escrow keeper, String functionId) {
        return new PrefixedEscrow(keeper, FunctionKeys.prefix(functionId));
    }
}
