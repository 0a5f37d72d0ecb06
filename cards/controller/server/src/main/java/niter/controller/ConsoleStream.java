package niter.controller;

import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.function.Consumer;
import niter.controller.northbound.ConsoleInput;
import niter.controller.northbound.ConsoleOutput;
import niter.controller.northbound.ConsoleOutputRequest;
import niter.controller.northbound.InstanceState;
import org.jspecify.annotations.Nullable;

/** One Console or GetConsoleOutput call. It ends when the instance no longer runs. */
final class ConsoleStream
        implements StreamObserver<ConsoleInput>, Consumer<niter.controller.northbound.Instance> {
    private final Host host;
    private final ConsoleSink sink;
    private @Nullable Instance instance; // by gRPC, one call at a time
    private @Nullable SerialConsole console;

    ConsoleStream(Host host, StreamObserver<ConsoleOutput> answer) {
        this.host = host;
        sink = new ConsoleSink(answer);
        sink.whenCancelled(this::detach);
    }

    /** GetConsoleOutput: what was printed and, where that is asked for, what will be. */
    void output(ConsoleOutputRequest request) {
        try {
            Instance found = host.instances().find(request.getInstance());
            @Nullable Machine machine = found.machine();
            if (request.getFollow() && machine != null) {
                attach(found, machine.console());
            } else {
                sink.accept(ConsoleLog.read(host.state().instance(found.id())));
                sink.complete();
            }
        } catch (ApiException e) {
            sink.fail(e.status());
        } catch (IOException e) {
            sink.fail(Status.INTERNAL.withDescription(e.getMessage()));
        }
    }

    private void attach(Instance found, SerialConsole serial) throws IOException {
        instance = found;
        console = serial;
        host.watchers().add(this);
        serial.watch(sink);
        if (found.machine() == null) { // it ended meanwhile
            finish();
        }
    }

    @Override
    public void onNext(ConsoleInput input) {
        try {
            if (console == null) {
                first(input);
            }
            if (console != null && !input.getData().isEmpty()) {
                console.type(input.getData().toByteArray());
            }
        } catch (ApiException e) {
            sink.fail(e.status());
        } catch (IOException e) {
            finish(); // the machine ended
        }
    }

    private void first(ConsoleInput input) throws ApiException, IOException {
        Instance found = host.instances().find(input.getInstance());
        @Nullable Machine machine = found.machine();
        if (machine == null) {
            throw ApiException.precondition(
                    found.id() + " does not run: niter start " + found.id());
        }
        attach(found, machine.console());
    }

    @Override
    public void accept(niter.controller.northbound.Instance changed) {
        boolean ours = instance != null && instance.id().equals(changed.getInstanceId());
        if (ours
                && changed.getState() != InstanceState.PENDING
                && changed.getState() != InstanceState.RUNNING
                && changed.getState() != InstanceState.STOPPING) {
            finish();
        }
    }

    @Override
    public void onError(Throwable error) {
        detach();
    }

    @Override
    public void onCompleted() {
        finish();
    }

    private void finish() {
        detach();
        sink.complete();
    }

    private void detach() {
        host.watchers().remove(this);
        if (console != null) {
            console.unwatch(sink);
        }
    }
}
