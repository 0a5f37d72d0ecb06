package niter.controller.control;

import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import niter.controller.control.protocol.FromKeeper;
import org.jspecify.annotations.Nullable;

/** Requests that wait for their answers, by id. */
final class PendingAnswers {
    private final Map<Long, CompletableFuture<FromKeeper>> byId = new HashMap<>();
    private long lastId;

    /** A number for a request whose answer the receiving thread itself looks for. */
    synchronized long nextId() {
        return ++lastId;
    }

    /** A request to come. */
    synchronized Pending register() {
        Pending pending = new Pending(++lastId, new CompletableFuture<>());
        byId.put(pending.id, pending.answer);
        return pending;
    }

    /** Hands an answer to who waits for it; nobody may. */
    boolean complete(FromKeeper answer) {
        @Nullable CompletableFuture<FromKeeper> waiter = remove(answer.getId());
        return waiter != null && waiter.complete(answer);
    }

    /** The keeper is gone: nothing will be answered. */
    void fail() {
        for (CompletableFuture<FromKeeper> waiter : removeAll()) {
            waiter.completeExceptionally(new EOFException("keeper is gone"));
        }
    }

    private synchronized @Nullable CompletableFuture<FromKeeper> remove(long id) {
        return byId.remove(id);
    }

    private synchronized List<CompletableFuture<FromKeeper>> removeAll() {
        List<CompletableFuture<FromKeeper>> all = new ArrayList<>(byId.values());
        byId.clear();
        return all;
    }

    /** One request; closed when nobody waits for it any more. */
    final class Pending implements AutoCloseable {
        private final long id;
        private final CompletableFuture<FromKeeper> answer;

        private Pending(long id, CompletableFuture<FromKeeper> answer) {
            this.id = id;
            this.answer = answer;
        }

        long id() {
            return id;
        }

        FromKeeper await(long millis) throws IOException {
            try {
                return answer.get(Math.max(1, millis), TimeUnit.MILLISECONDS);
            } catch (ExecutionException e) {
                throw new IOException("keeper is gone", e.getCause());
            } catch (TimeoutException e) {
                throw new IOException("the keeper does not answer", e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted", e);
            }
        }

        @Override
        public void close() {
            remove(id);
        }
    }
}
