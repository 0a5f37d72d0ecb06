package niter.ena;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.LongSupplier;
import niter.pcie.Device;
import niter.pcie.Function;
import niter.pcie.FunctionShape;
import org.jspecify.annotations.Nullable;

/**
 * An ENA network adapter as EC2 shows it, without LLQ: eight queue pairs, sums and TSO on transmit,
 * verdicts and RSS on receive, interrupt moderation, keep-alives.
 *
 * <p>All that a guest can see lies in the function's state, so this object may be thrown away at
 * any moment, with its process, and a new one goes on: an announced completion is written again,
 * packets that were sent but not completed are sent again, and each vector in use fires once.
 *
 * <p>Everything but {@link #shape} runs on the function's core.
 */
public final class EnaController implements Device {
    private static final int VENDOR = 0x1d0f;
    private static final int DEVICE = 0xec20; // the one without LLQ that DPDK binds too
    private static final int CLASS = 0x020000; // Ethernet controller

    /**
     * Odd: Linux then reads registers directly. A readless read gives up after 200 ms, less than a
     * restart takes.
     */
    private static final int REVISION = 1;

    private static final int BAR = 0;

    /** Wraps the live state; a test ends the process there. */
    interface LiveStates {
        LiveState over(MemorySegment memory);
    }

    private final EnaIdentity identity;
    private final Network network;
    private final LongSupplier clock;
    private final LiveStates liveStates;
    private @Nullable Engine engine; // null before attach and after close
    private Traffic traffic = new Traffic(0, 0, 0, 0); // what went through until close

    /** An adapter before its network. */
    public EnaController(EnaIdentity identity, Network network) {
        this(identity, network, System::nanoTime, LiveState::new);
    }

    EnaController(
            EnaIdentity identity, Network network, LongSupplier clock, LiveStates liveStates) {
        this.identity = identity;
        this.network = network;
        this.clock = clock;
        this.liveStates = liveStates;
    }

    /** The longest IP packet that the driver takes: what it set, at first the most there is. */
    public int mtu() {
        Engine plugged = engine;
        int set = plugged == null ? 0 : plugged.mtu();
        return set == 0 ? identity.maxMtu() : set;
    }

    @Override
    public FunctionShape shape() {
        return new FunctionShape(
                "ena",
                SlotState.LAYOUT_VERSION,
                VENDOR,
                DEVICE,
                VENDOR,
                DEVICE,
                REVISION,
                CLASS,
                List.of(
                        new FunctionShape.Bar(BAR, Register.BAR_BYTES),
                        new FunctionShape.Bar(Register.MSIX_BAR, Register.MSIX_BAR_BYTES)),
                Limits.VECTORS,
                Register.MSIX_BAR,
                Register.MSIX_TABLE,
                Register.MSIX_PENDING,
                SlotState.BYTES,
                LiveState.BYTES,
                false);
    }

    @Override
    public void attach(Function function, boolean takenOver) {
        LiveState live = liveStates.over(function.state().live());
        engine = new Engine(identity, network, function, live, clock);
    }

    /**
     * Gives the guest a frame; {@link #flush} tells the driver of it.
     *
     * @return false where it was dropped: no driver, or no buffers, which are counted; or this is
     *     closed
     */
    public boolean receive(Frame frame) {
        Engine attached = engine;
        return attached != null && attached.receive(frame);
    }

    /** Tells the driver of all frames that it was given; {@link #poll} does so too. */
    public void flush() {
        Engine attached = engine;
        if (attached != null) {
            attached.flush();
        }
    }

    /**
     * Counts a packet that was shaped or dropped because it exceeded an allowance, where the guest
     * reads it and no end of this process forgets it. Without a function there is no guest that
     * could see it: nothing is counted before attach and after {@link #close}.
     */
    public void exceeded(Allowance allowance) {
        Engine attached = engine;
        if (attached != null) {
            attached.live().exceed(allowance);
        }
    }

    /**
     * What went through since the driver reset the device.
     *
     * @param sentPackets by the guest
     */
    public record Traffic(
            long sentPackets, long sentBytes, long receivedPackets, long receivedBytes) {}

    /** What went through; after {@link #close} what had until then. */
    public Traffic traffic() {
        Engine attached = engine;
        return attached == null ? traffic : traffic(attached.live());
    }

    private static Traffic traffic(LiveState live) {
        return new Traffic(
                live.counter(LiveState.Counter.TX_PACKETS),
                live.counter(LiveState.Counter.TX_BYTES),
                live.counter(LiveState.Counter.RX_PACKETS),
                live.counter(LiveState.Counter.RX_BYTES));
    }

    /** Tells the driver that the link is up, as it is at first, or down. */
    public void link(boolean up) {
        attached().link(up);
    }

    /**
     * Makes the driver reset the device: it is asked to where it knows how, and hears no
     * keep-alives until it did.
     */
    public void requestReset() {
        attached().requestReset();
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
        return bar == BAR && length == 4 && attached().storeDoorbell(offset, (int) value);
    }

    @Override
    public void reset() {
        attached().reset();
    }

    @Override
    public void commandChanged(int command) {} // bus mastering is looked at where it matters

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
        return true; // doorbells come as messages, frames from this same thread
    }

    @Override
    public long nextDeadlineNanos() {
        return attached().nextDeadlineNanos();
    }

    /**
     * The network may still have frames for this adapter, but guest memory is about to be unmapped:
     * the engine goes, and every address with it.
     */
    @Override
    public void close() {
        traffic = traffic();
        engine = null;
    }

    private Engine attached() {
        Engine attached = engine;
        if (attached == null) {
            throw new IllegalStateException("not attached");
        }
        return attached;
    }
}
