package niter.controller;

import com.google.protobuf.ByteString;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import niter.controller.northbound.ConsoleOutput;

/**
 * Console output on its way to one caller. A caller that reads more slowly than the guest prints
 * loses some of it, and is told; the log has all.
 */
final class ConsoleSink implements Consumer<byte[]> {
    private static final int MAX_MESSAGE = 64 * 1024;
    private static final int MAX_UNREAD = 4 * ConsoleLog.MAX_BYTES;
    private static final byte[] LOST =
            "\r\n[niter: output was lost here]\r\n".getBytes(StandardCharsets.US_ASCII);

    private final ServerCallStreamObserver<ConsoleOutput> answer;
    private int unread; // guarded by this: bytes since the caller last kept up
    private boolean lost; // guarded by this
    private boolean ended; // guarded by this

    ConsoleSink(StreamObserver<ConsoleOutput> answer) {
        this.answer = (ServerCallStreamObserver<ConsoleOutput>) answer;
    }

    /** Runs when the caller is gone; before the first output. */
    void whenCancelled(Runnable action) {
        answer.setOnCancelHandler(action);
    }

    @Override
    public synchronized void accept(byte[] bytes) {
        if (ended || answer.isCancelled()) {
            return;
        }
        unread = answer.isReady() ? 0 : unread;
        if (unread + bytes.length > MAX_UNREAD) {
            lost = true;
            return;
        }
        if (lost) {
            lost = false;
            send(LOST);
        }
        send(bytes);
    }

    private void send(byte[] bytes) {
        unread += bytes.length;
        for (int done = 0; done < bytes.length; done += MAX_MESSAGE) {
            int length = Math.min(MAX_MESSAGE, bytes.length - done);
            answer.onNext(
                    ConsoleOutput.newBuilder()
                            .setData(ByteString.copyFrom(bytes, done, length))
                            .build());
        }
    }

    synchronized void complete() {
        if (!ended && !answer.isCancelled()) {
            answer.onCompleted();
        }
        ended = true;
    }

    synchronized void fail(Status status) {
        if (!ended && !answer.isCancelled()) {
            answer.onError(status.asRuntimeException());
        }
        ended = true;
    }
}
