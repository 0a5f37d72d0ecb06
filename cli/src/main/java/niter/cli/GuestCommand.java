package niter.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ProtocolException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import niter.linux.Terminal;
import org.jspecify.annotations.Nullable;

/**
 * One command in a guest, from its start to its exit status: passes input as far as the guest takes
 * it, output and errors as they come.
 */
final class GuestCommand {
    private static final int MAX_STATUS = 255;

    private final AgentConnection agent;
    private final Streams streams;
    private final AtomicBoolean started = new AtomicBoolean();
    private int credit;

    /** Where input comes from and output and errors go. */
    record Streams(InputStream input, OutputStream output, OutputStream errors) {}

    /**
     * What to run.
     *
     * @param arguments the program, searched in the guest's PATH, and what it is given
     * @param window the terminal's size; null for pipes instead of a terminal
     * @param terminalName TERM in the guest; may be empty
     */
    record Request(List<byte[]> arguments, Terminal.@Nullable Size window, String terminalName) {
        /** Fields separated by NUL: flags, TERM, rows, columns, the arguments. */
        byte[] bytes() {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            boolean tty = window != null;
            String rows = window == null ? "" : Integer.toString(window.rows());
            String columns = window == null ? "" : Integer.toString(window.columns());
            String head = String.join("\0", tty ? "t" : "", terminalName, rows, columns);
            bytes.writeBytes(head.getBytes(StandardCharsets.UTF_8));
            for (byte[] argument : arguments) {
                bytes.write(0);
                bytes.writeBytes(argument);
            }
            return bytes.toByteArray();
        }
    }

    GuestCommand(AgentConnection agent, Streams streams) {
        this.agent = agent;
        this.streams = streams;
    }

    /**
     * Runs it.
     *
     * @return its exit status, 128 + signal where one ended it; 126 and 127 as a shell's
     * @throws GuestEndedException if the guest ends before the command
     * @throws ProtocolException if the guest's agent sends what makes no sense
     * @throws OutputClosedException if nobody reads output or errors any more
     */
    int run(Request request) throws IOException {
        byte[] bytes = request.bytes();
        for (int at = 0; at < bytes.length; at += Frame.MAX_PAYLOAD) {
            int end = Math.min(at + Frame.MAX_PAYLOAD, bytes.length);
            agent.send(new Frame(Frame.MORE, Arrays.copyOfRange(bytes, at, end)));
        }
        agent.send(new Frame(Frame.GO, ""));
        Thread.ofPlatform().daemon().name("input").start(this::passInput);
        while (true) {
            Frame frame = agent.receive();
            if (frame == null) {
                throw new GuestEndedException("is no longer connected; the command had not ended");
            }
            switch (frame.type()) {
                case Frame.STARTED -> started.set(true);
                case Frame.CREDIT -> credit(frame.number(1, Integer.MAX_VALUE));
                case Frame.OUTPUT -> pass(frame, streams.output());
                case Frame.ERRORS -> pass(frame, streams.errors());
                case Frame.EXIT -> {
                    return frame.number(0, MAX_STATUS);
                }
                case Frame.READY -> {
                    if (started.get()) { // else it answers a question that we asked twice
                        throw new GuestEndedException("rebooted before the command ended");
                    }
                }
                default ->
                        throw new ProtocolException(
                                "the guest's agent sent a frame of type %d"
                                        .formatted((int) frame.type()));
            }
        }
    }

    /** Sends a signal to the command and its children, once it runs. False before that. */
    boolean signal(int number) throws IOException {
        if (!started.get()) {
            return false;
        }
        agent.send(new Frame(Frame.SIGNAL, Integer.toString(number)));
        return true;
    }

    /** The terminal's size has changed. */
    void resize(Terminal.Size size) throws IOException {
        if (started.get()) {
            agent.send(new Frame(Frame.WINDOW, size.rows() + " " + size.columns()));
        }
    }

    private static void pass(Frame frame, OutputStream to) throws OutputClosedException {
        try {
            to.write(frame.payload());
        } catch (IOException e) {
            throw new OutputClosedException(e);
        }
    }

    private synchronized void credit(int bytes) throws ProtocolException {
        if (bytes > Integer.MAX_VALUE - credit) {
            throw new ProtocolException("the guest's agent asks for more input than 2 GiB at once");
        }
        credit += bytes;
        notifyAll();
    }

    private synchronized int awaitCredit() throws InterruptedException {
        while (credit == 0) {
            wait();
        }
        return credit;
    }

    private synchronized void spend(int bytes) {
        credit -= bytes;
    }

    /** Body of a thread that ends with the process: nobody can interrupt a read of a terminal. */
    private void passInput() {
        byte[] buffer = new byte[Frame.MAX_PAYLOAD];
        try {
            while (true) {
                int room = Math.min(awaitCredit(), buffer.length);
                int count = read(buffer, room);
                if (count < 0) {
                    agent.send(new Frame(Frame.INPUT_END, ""));
                    return;
                }
                spend(count);
                agent.send(Frame.INPUT, buffer, count);
            }
        } catch (IOException e) {
            return; // the guest is gone, which the receiver sees too
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Input that cannot be read (a folder, a closed descriptor) is no input. */
    private int read(byte[] buffer, int room) {
        try {
            return streams.input().read(buffer, 0, room);
        } catch (IOException e) {
            return -1;
        }
    }

    /** The guest is gone before its command has ended. */
    static final class GuestEndedException extends IOException {
        private static final long serialVersionUID = 1;

        GuestEndedException(String message) {
            super(message);
        }
    }

    /** Nobody reads what the command prints. */
    static final class OutputClosedException extends IOException {
        private static final long serialVersionUID = 1;

        OutputClosedException(IOException cause) {
            super(cause);
        }
    }
}
