package niter.nvme;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.LongSupplier;
import niter.pcie.Device;
import niter.pcie.Function;
import niter.pcie.FunctionShape;
import org.jspecify.annotations.Nullable;

/**
 * An NVMe 1.4 controller with one namespace, as EBS shows it.
 *
 * <p>All that a guest can see lies in the function's state, so this object may be thrown away at
 * any moment, with its process, and a new one goes on: commands in flight are issued again, an
 * announced completion is looked for in the guest's ring, and each vector in use fires once.
 */
public final class NvmeController implements Device {
    static final int VENDOR = 0x1d0f;

    private static final int BAR = 0;
    private static final int CLASS = 0x010802; // mass storage, NVM, NVMe

    /** Wraps the live state; a test ends the process there. */
    interface LiveStates {
        LiveState over(MemorySegment memory);
    }

    private final NvmeIdentity identity;
    private final Namespace namespace;
    private final NvmeOptions options;
    private final LongSupplier clock;
    private final LiveStates liveStates;
    private final Counters counters = new Counters();
    private volatile @Nullable Engine engine;

    /**
     * A controller over a namespace; it closes the namespace when it is closed itself.
     *
     * @param options what it offers beyond EBS
     */
    public NvmeController(NvmeIdentity identity, Namespace namespace, NvmeOptions options) {
        this(identity, namespace, options, System::nanoTime);
    }

    /**
     * As above, with a clock of the caller's.
     *
     * @param clock nanoseconds, as System.nanoTime: for a simulation of time
     */
    public NvmeController(
            NvmeIdentity identity, Namespace namespace, NvmeOptions options, LongSupplier clock) {
        this(identity, namespace, options, clock, LiveState::new);
    }

    NvmeController(
            NvmeIdentity identity,
            Namespace namespace,
            NvmeOptions options,
            LongSupplier clock,
            LiveStates liveStates) {
        this.identity = identity;
        this.namespace = namespace;
        this.options = options;
        this.clock = clock;
        this.liveStates = liveStates;
    }

    @Override
    public FunctionShape shape() {
        return new FunctionShape(
                "nvme",
                SlotState.LAYOUT_VERSION,
                VENDOR,
                identity.pciDeviceId(),
                VENDOR,
                0,
                0,
                CLASS,
                List.of(new FunctionShape.Bar(BAR, Register.BAR_BYTES)),
                Limits.QUEUES,
                BAR,
                Register.MSIX_TABLE,
                Register.MSIX_PENDING,
                SlotState.BYTES,
                LiveState.BYTES,
                options.detachable());
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalStateException if the namespace takes fewer commands at once than the one that
     *     an earlier process served
     */
    @Override
    public void attach(Function function, boolean takenOver) {
        LiveState live = liveStates.over(function.state().live());
        engine = new Engine(identity, namespace, options, function, live, clock, counters);
        function.watch(namespace.descriptor());
    }

    /** Whether a guest has enabled the controller (CSTS.RDY). May be called by any thread. */
    public boolean ready() {
        Engine attached = engine;
        return attached != null && attached.ready();
    }

    /** What it did since this process serves it. May be called by any thread. */
    public Counters counters() {
        return counters;
    }

    /**
     * Takes the controller out of service: CSTS.CFS, and an event that makes Linux reset it. On the
     * function's thread, outside of a transaction.
     *
     * @param reason for the log
     */
    public void fail(String reason) {
        attached().broken(reason);
    }

    /** CSTS.CFS, which no reset clears any more. */
    @Override
    public void outOfService(String reason) {
        fail(reason);
    }

    @Override
    public long readBar(int bar, long offset, int length) {
        return bar == BAR ? attached().registers().read(offset, length) : 0;
    }

    @Override
    public void writeBar(int bar, long offset, int length, long value) {
        if (bar == BAR) {
            attached().write(offset, length, value);
        }
    }

    @Override
    public boolean storeDoorbell(int bar, long offset, int length, long value) {
        long index = offset - Register.DOORBELLS >> 2;
        if (bar != BAR
                || length != 4
                || offset < Register.DOORBELLS
                || (offset & 3) != 0
                || index >= 2 * Limits.QUEUES) {
            return false;
        }
        attached().live().doorbell((int) index, (int) value);
        return true;
    }

    @Override
    public void reset() {
        attached().reset();
    }

    @Override
    public void commandChanged(int command) {
        attached().commandChanged(command);
    }

    @Override
    public void quiesce() {
        attached().quiesce();
    }

    @Override
    public void dmaMapChanged() {
        attached().dmaMapChanged();
    }

    @Override
    public int poll(int budget) {
        return attached().poll(budget);
    }

    @Override
    public boolean arm() {
        return attached().arm();
    }

    @Override
    public long nextDeadlineNanos() {
        return attached().nextDeadlineNanos();
    }

    @Override
    public void close() {
        namespace.close();
    }

    private Engine attached() {
        Engine attached = engine;
        if (attached == null) {
            throw new IllegalStateException("not attached");
        }
        return attached;
    }
}
