package niter.card.ebs;

import static niter.nvme.Counters.Counter.ERRORS;
import static niter.nvme.Counters.Counter.FLUSHES;
import static niter.nvme.Counters.Counter.IN_FLIGHT;
import static niter.nvme.Counters.Counter.READS;
import static niter.nvme.Counters.Counter.READ_BYTES;
import static niter.nvme.Counters.Counter.WRITES;
import static niter.nvme.Counters.Counter.WRITTEN_BYTES;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletionStage;
import niter.controller.control.MetricsText;
import niter.controller.control.protocol.EnsureFunction;
import niter.controller.control.protocol.Function;
import niter.linux.Descriptor;
import niter.nvme.Counters;
import niter.nvme.NvmeController;
import niter.nvme.NvmeIdentity;
import niter.nvme.NvmeOptions;
import niter.pcie.FunctionServer;
import niter.pcie.PrefixedEscrow;

/** A volume behind an NVMe function. */
final class ServedVolume implements AutoCloseable {
    private final EnsureFunction request;
    private final NvmeController controller;
    private final FunctionServer server;
    private final PrefixedEscrow escrow;

    private ServedVolume(
            EnsureFunction request,
            NvmeController controller,
            FunctionServer server,
            PrefixedEscrow escrow) {
        this.request = request;
        this.controller = controller;
        this.server = server;
        this.escrow = escrow;
    }

    /**
     * Begins to serve, or goes on with what an earlier process left.
     *
     * @param volume open; closed with the function
     * @param given what the keeper held of this function; taken over
     */
    static ServedVolume start(
            EnsureFunction request,
            VolumeFile volume,
            PrefixedEscrow escrow,
            Map<String, Descriptor> given)
            throws IOException {
        NvmeController controller =
                new NvmeController(
                        NvmeIdentity.ebs(request.getVolumeId(), request.getDeviceName()),
                        volume,
                        new NvmeOptions(
                                request.getWriteZeroes(),
                                request.getDeallocate(),
                                request.getDetachable()));
        FunctionServer server =
                FunctionServer.start(
                        request.getFunctionId(),
                        controller,
                        Path.of(request.getSocketPath()),
                        escrow,
                        new HashMap<>(given));
        return new ServedVolume(request, controller, server, escrow);
    }

    /** As it was asked for. */
    EnsureFunction request() {
        return request;
    }

    /** Completes where a defect of the card ends the function. */
    CompletionStage<RuntimeException> failure() {
        return server.failure();
    }

    boolean isOutOfService() {
        return server.isOutOfService();
    }

    /** Adds what it counts. */
    void measure(MetricsText text) {
        String[] label = {"volume_id", request.getVolumeId()};
        text.counter("niter_ebs_reads_total", "Reads.", of(READS), label);
        text.counter("niter_ebs_read_bytes_total", "Bytes read.", of(READ_BYTES), label);
        text.counter("niter_ebs_writes_total", "Writes.", of(WRITES), label);
        text.counter("niter_ebs_written_bytes_total", "Bytes written.", of(WRITTEN_BYTES), label);
        text.counter("niter_ebs_flushes_total", "Flushes.", of(FLUSHES), label);
        text.counter("niter_ebs_errors_total", "Commands that failed.", of(ERRORS), label);
        text.counter("niter_ebs_interrupts_total", "Interrupts fired.", server.interrupts(), label);
        text.gauge("niter_ebs_in_flight", "Commands at the volume.", of(IN_FLIGHT), label);
        text.gauge(
                "niter_ebs_out_of_service",
                "1 where the function ended processes that served it.",
                isOutOfService() ? 1 : 0,
                label);
    }

    private long of(Counters.Counter counter) {
        return controller.counters().of(counter);
    }

    Function describe() {
        return Function.newBuilder()
                .setFunctionId(request.getFunctionId())
                .setVolumeId(request.getVolumeId())
                .setConnected(server.connected())
                .setReady(controller.ready())
                .setDriven(server.driven())
                .build();
    }

    /** Leaves everything to a successor; for the guest it is a pause. */
    void detach() {
        server.detach();
    }

    /** Ends the function: the connection, the socket, the volume's lock, what the keeper holds. */
    void remove() throws IOException {
        server.close();
        escrow.releaseAll();
    }

    /** As {@link #detach}. */
    @Override
    public void close() {
        detach();
    }
}
