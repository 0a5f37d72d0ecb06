package niter.card.ebs;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import niter.controller.control.protocol.EnsureFunction;
import niter.controller.control.protocol.Function;
import niter.linux.Descriptor;
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
                        new NvmeOptions(request.getWriteZeroes(), request.getDeallocate()));
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

    Function describe() {
        return Function.newBuilder()
                .setFunctionId(request.getFunctionId())
                .setVolumeId(request.getVolumeId())
                .setConnected(server.connected())
                .setReady(controller.ready())
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
