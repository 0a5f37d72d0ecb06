package niter.cli;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.function.IntConsumer;

/**
 * Signals to this process. By default INT, TERM and HUP end it by way of its {@link Undo}s; a
 * handler takes one over. sun.misc.Signal is the only way, and javac warns of it without a way to
 * suppress that, hence the reflection.
 */
final class ProcessSignals {
    private ProcessSignals() {}

    /**
     * Calls a handler for a signal from now on, on a thread of its own.
     *
     * @param name without SIG: "INT"
     * @param handler is given the signal's number
     */
    static void handle(String name, IntConsumer handler) {
        try {
            Class<?> signalClass = Class.forName("sun.misc.Signal");
            Class<?> handlerClass = Class.forName("sun.misc.SignalHandler");
            Object signal = signalClass.getConstructor(String.class).newInstance(name);
            int number = (int) signalClass.getMethod("getNumber").invoke(signal);
            InvocationHandler call =
                    (proxy, method, arguments) ->
                            switch (method.getName()) {
                                case "handle" -> {
                                    handler.accept(number);
                                    yield null;
                                }
                                case "hashCode" -> System.identityHashCode(proxy);
                                case "equals" -> arguments != null && proxy == arguments[0];
                                default -> "handler of SIG" + name;
                            };
            Object proxy =
                    Proxy.newProxyInstance(
                            ProcessSignals.class.getClassLoader(),
                            new Class<?>[] {handlerClass},
                            call);
            signalClass.getMethod("handle", signalClass, handlerClass).invoke(null, signal, proxy);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError("this JDK handles no SIG" + name, e);
        }
    }
}
