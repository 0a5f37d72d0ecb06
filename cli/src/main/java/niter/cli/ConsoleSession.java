package niter.cli;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import niter.controller.northbound.ConsoleInput;
import niter.controller.northbound.ConsoleOutput;
import niter.controller.northbound.NorthboundChannel;
import org.jspecify.annotations.Nullable;

/**
 * A serial console on this process's input and output. A restart of the controller is a pause: the
 * stream is opened again, and of what comes then only the new part is shown.
 */
final class ConsoleSession {
    private static final int LEAVE = 0x1d; // Ctrl-]
    private static final int CHUNK = 1024;

    private final NorthboundChannel channel;
    private final String instance;
    private @Nullable StreamObserver<ConsoleInput> input; // guarded by this
    private boolean inputEnded; // guarded by this
    private final CompletableFuture<Integer> left = new CompletableFuture<>();

    ConsoleSession(NorthboundChannel channel, String instance) {
        this.channel = channel;
        this.instance = instance;
    }

    /** Until the user leaves or the instance stops; the exit status. */
    int run() {
        CompletableFuture<Void> ended = open(true);
        Thread.ofPlatform().daemon().name("console-input").start(this::passInput);
        while (true) {
            try {
                CompletableFuture.anyOf(ended, left).join();
                return 0;
            } catch (CompletionException e) {
                boolean away =
                        e.getCause() instanceof StatusRuntimeException status
                                && status.getStatus().getCode() == Status.Code.UNAVAILABLE;
                if (!away || left.isDone()) {
                    throw e.getCause() instanceof RuntimeException cause ? cause : e;
                }
                ended = open(false);
            }
        }
    }

    private CompletableFuture<Void> open(boolean showsPast) {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        StreamObserver<ConsoleInput> observer =
                channel.async().console(new Output(ended, showsPast));
        observer.onNext(ConsoleInput.newBuilder().setInstance(instance).build());
        pass(observer);
        return ended;
    }

    private synchronized void pass(StreamObserver<ConsoleInput> to) {
        input = to;
        if (inputEnded) {
            to.onCompleted();
        }
    }

    /** Nobody is there to leave: the controller ends the stream once it has all that was typed. */
    private synchronized void endInput() {
        inputEnded = true;
        if (input != null) {
            input.onCompleted();
        }
    }

    private void passInput() {
        byte[] buffer = new byte[CHUNK];
        InputStream in = new FileInputStream(FileDescriptor.in);
        try {
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                for (int i = 0; i < count; i++) {
                    if (buffer[i] == LEAVE) {
                        type(buffer, i);
                        left.complete(0);
                        return;
                    }
                }
                type(buffer, count);
            }
            endInput();
        } catch (IOException e) {
            return; // no more input; output goes on
        }
    }

    private synchronized void type(byte[] bytes, int count) {
        if (input != null && count > 0) {
            input.onNext(
                    ConsoleInput.newBuilder()
                            .setData(ByteString.copyFrom(bytes, 0, count))
                            .build());
        }
    }

    /** What the guest prints. The first message is the past. */
    private static final class Output implements StreamObserver<ConsoleOutput> {
        private final CompletableFuture<Void> ended;
        private boolean shows;

        Output(CompletableFuture<Void> ended, boolean showsPast) {
            this.ended = ended;
            shows = showsPast;
        }

        @Override
        public void onNext(ConsoleOutput output) {
            if (shows) {
                byte[] bytes = output.getData().toByteArray();
                System.out.write(bytes, 0, bytes.length);
                System.out.flush();
            }
            shows = true;
        }

        @Override
        public void onError(Throwable error) {
            ended.completeExceptionally(error);
        }

        @Override
        public void onCompleted() {
            ended.complete(null);
        }
    }
}
