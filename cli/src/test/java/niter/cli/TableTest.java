package niter.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class TableTest {
    private static Table table() {
        Table table = new Table("Name", "Last end", "Size");
        table.row(Table.Cell.of("one"), Table.Cell.of(""), Table.Cell.bytes(512 << 20));
        table.row(Table.Cell.of("longer \"2\""), Table.Cell.of("x"), Table.Cell.of(7));
        return table;
    }

    @Test
    void columnsAreAsWideAsTheirWidest() {
        assertThat(table().text())
                .isEqualTo(
                        """
                        Name         Last end   Size
                        one                     512 MiB
                        longer "2"   x          7
                        """);
    }

    @Test
    void jsonHasKeysAndNumbers() {
        assertThat(table().json().replaceAll("\\s", ""))
                .isEqualTo(
                        "[{\"name\":\"one\",\"last_end\":\"\",\"size\":536870912},"
                                + "{\"name\":\"longer\\\"2\\\"\",\"last_end\":\"x\",\"size\":7}]");
    }

    @Test
    void aRowHasACellForEachColumn() {
        Table table = new Table("One", "Two");
        assertThatThrownBy(() -> table.row(Table.Cell.of("1")))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void agesAreInOneUnit() {
        assertThat(Ages.text(Duration.ofSeconds(-5))).isEqualTo("0 s");
        assertThat(Ages.text(Duration.ofSeconds(119))).isEqualTo("119 s");
        assertThat(Ages.text(Duration.ofSeconds(120))).isEqualTo("2 min");
        assertThat(Ages.text(Duration.ofHours(5))).isEqualTo("5 h");
        assertThat(Ages.text(Duration.ofDays(3))).isEqualTo("3 d");
    }
}
