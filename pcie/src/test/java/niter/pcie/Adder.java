package niter.pcie;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import niter.linux.Processes;
import niter.linux.Signals;
import org.jspecify.annotations.Nullable;

/**
 * A device for tests. Register 0: a write adds, a read tells the sum. Register 8: a DMA address; a
 * write adds what lies there. Register 16: a write fires that vector. Offset 0x1000: a doorbell
 * whose value poll writes to register 24. A write to {@link #POISON} ends the process, unless the
 * function is out of service.
 */
final class Adder implements Device {
    /** A register: how the process is to end; an Error, or this signal. */
    static final int POISON = 32;

    /** A register: 1 where the device was told that it is out of service. */
    static final int FAILED = 40;

    static final int ERROR = 0;

    /** An Error, even out of service. */
    static final int ALWAYS = -1;

    /** An Error of the neighbour's code. */
    static final int NEIGHBOUR = -2;

    /** A signal, SIGABRT, in the neighbour's code. */
    static final int NEIGHBOUR_SIGNAL = -3;

    /** A signal, SIGABRT, in this one's code, after the neighbour's has run. */
    static final int AFTER_NEIGHBOUR = -4;

    private static final int NOTHING = -5;

    /** What it was told, in order: "quiesce", "reset", "map". */
    final List<String> calls = new CopyOnWriteArrayList<>();

    /** One whose code this one calls; set before either is served. */
    @Nullable Adder neighbour;

    private final Runnable step;
    private final boolean detachable;
    private Function function = new NoFunction();

    Adder(Runnable step) {
        this(step, false);
    }

    Adder(Runnable step, boolean detachable) {
        this.step = step;
        this.detachable = detachable;
    }

    @Override
    public FunctionShape shape() {
        return new FunctionShape(
                "adder",
                1,
                0x1d0f,
                0x8061,
                0x1d0f,
                0,
                1,
                0x010802,
                List.of(new FunctionShape.Bar(0, 16384)),
                5,
                0,
                0x2000,
                0x3000,
                64,
                64,
                detachable);
    }

    @Override
    public void attach(Function function, boolean takenOver) {
        this.function = function;
    }

    @Override
    public long readBar(int bar, long offset, int length) {
        step.run();
        MemorySegment state = function.state().staged();
        return offset < 64 && offset % 8 == 0 ? state.get(JAVA_LONG, offset) : 0;
    }

    @Override
    public void writeBar(int bar, long offset, int length, long value) {
        step.run();
        MemorySegment state = function.state().staged();
        switch ((int) offset) {
            case 0 -> state.set(JAVA_LONG, 0, state.get(JAVA_LONG, 0) + value);
            case 8 -> {
                long address = function.dma().address(value, 8, false);
                long found = address == 0 ? -1 : niter.linux.Memory.all().get(JAVA_LONG, address);
                state.set(JAVA_LONG, 0, state.get(JAVA_LONG, 0) + found);
            }
            case 16 -> function.interrupt((int) value);
            case POISON -> end((int) value);
            default -> {}
        }
        step.run();
    }

    private void end(int way) {
        Adder called = neighbour;
        if (called != null && way < ALWAYS) {
            switch (way) {
                case NEIGHBOUR -> called.receive(ERROR);
                case NEIGHBOUR_SIGNAL -> called.receive(Signals.SIGABRT);
                default -> {
                    called.receive(NOTHING);
                    end(Signals.SIGABRT);
                }
            }
            return;
        }
        if (way == NOTHING || function.isOutOfService() && way != ALWAYS) {
            return;
        }
        if (way <= ERROR) {
            throw new AssertionError("poison");
        }
        Processes.kill((int) ProcessHandle.current().pid(), way);
        while (true) {
            LockSupport.park(); // under the mark, until the signal has ended all threads
        }
    }

    /** As a frame from another function. */
    private void receive(int way) {
        function.enter();
        try {
            end(way);
        } catch (AssertionError e) {
            throw function.blame(e);
        } finally {
            function.leave();
        }
    }

    @Override
    public void outOfService(String reason) {
        FunctionState state = function.state();
        state.begin();
        state.staged().set(JAVA_LONG, FAILED, 1);
        state.commit();
    }

    @Override
    public boolean storeDoorbell(int bar, long offset, int length, long value) {
        if (offset != 0x1000 || length != 4) {
            return false;
        }
        step.run();
        function.state().live().set(JAVA_LONG, 0, value);
        step.run();
        return true;
    }

    @Override
    public void reset() {
        calls.add("reset");
        function.state().staged().fill((byte) 0);
        function.state().live().fill((byte) 0);
    }

    @Override
    public void commandChanged(int command) {}

    @Override
    public void quiesce() {
        calls.add("quiesce");
        step.run();
    }

    @Override
    public void dmaMapChanged() {
        calls.add("map");
        step.run();
    }

    @Override
    public int poll(int budget) {
        FunctionState state = function.state();
        long rung = state.live().get(JAVA_LONG, 0);
        if (state.current().get(JAVA_LONG, 24) == rung) {
            return 0;
        }
        step.run();
        state.begin();
        state.staged().set(JAVA_LONG, 24, rung);
        state.commit();
        return 1;
    }

    @Override
    public boolean arm() {
        return true;
    }

    @Override
    public long nextDeadlineNanos() {
        return Long.MAX_VALUE;
    }

    @Override
    public void close() {}

    /** Before attach. */
    private static final class NoFunction implements Function {
        @Override
        public String id() {
            throw new IllegalStateException();
        }

        @Override
        public FunctionState state() {
            throw new IllegalStateException();
        }

        @Override
        public DmaMap dma() {
            throw new IllegalStateException();
        }

        @Override
        public int command() {
            throw new IllegalStateException();
        }

        @Override
        public void interrupt(int vector) {
            throw new IllegalStateException();
        }

        @Override
        public void enter() {
            throw new IllegalStateException();
        }

        @Override
        public void leave() {
            throw new IllegalStateException();
        }

        @Override
        public Error blame(Error e) {
            throw new IllegalStateException();
        }

        @Override
        public void fail(RuntimeException bug) {
            throw new IllegalStateException(bug);
        }

        @Override
        public void watch(int descriptor) {
            throw new IllegalStateException();
        }

        @Override
        public void guestError(String what) {
            throw new IllegalStateException();
        }
    }
}
