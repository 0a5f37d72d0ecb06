package niter.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every number has the name that the C library and signal(7) give it. */
class NamesTest {
    private static Stream<Field> constants(Class<?> type) {
        return Arrays.stream(type.getFields()).filter(f -> Modifier.isStatic(f.getModifiers()));
    }

    static Stream<Field> errors() {
        return constants(Errno.class);
    }

    static Stream<Field> signals() {
        return constants(Signals.class);
    }

    @ParameterizedTest
    @MethodSource("errors")
    void errorsAreCalledWhatTheCLibraryCallsThem(Field error) throws IllegalAccessException {
        assertThat(Errno.name(error.getInt(null))).isEqualTo(error.getName());
    }

    @ParameterizedTest
    @MethodSource("signals")
    void signalsAreCalledByTheirNames(Field signal) throws IllegalAccessException {
        assertThat(Signals.name(signal.getInt(null))).isEqualTo(signal.getName());
    }

    @Test
    void whatHasNoNameIsANumber() {
        assertThat(Errno.name(4095)).isEqualTo("errno 4095");
        assertThat(Errno.sentence(4095)).isEqualTo("Unknown error");
        assertThat(Signals.name(40)).isEqualTo("signal 40");
    }
}
