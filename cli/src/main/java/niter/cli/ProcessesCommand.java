package niter.cli;

import java.io.IOException;
import niter.controller.control.KeeperClient;
import niter.controller.control.protocol.Process;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** Lists the processes of this host, as their keeper knows them. */
@Command(
        name = "processes",
        mixinStandardHelpOptions = true,
        description = {
            "List niter's processes on this machine.",
            "Private is the memory that ends with the process: Private_* of smaps_rollup."
        })
final class ProcessesCommand implements Runnable {
    @Mixin private JsonOption json = new JsonOption();

    @Override
    public void run() {
        Table table = new Table("Part", "PID", "Uptime", "Restarts", "Private", "Last end");
        // Of the keeper itself: it is asked for when something is wrong with the others.
        try (KeeperClient keeper = Host.open().keeper()) {
            for (Process process : keeper.processes()) {
                boolean runs = process.getPid() > 0;
                table.row(
                        Table.Cell.of(process.getName()),
                        runs ? Table.Cell.of(process.getPid()) : new Table.Cell("-", 0),
                        runs ? Ages.uptime(process.getStartedUnixMs()) : new Table.Cell("-", 0),
                        Table.Cell.of(process.getRestarts()),
                        Table.Cell.bytes(process.getPrivateBytes()),
                        Table.Cell.of(process.getLastEnd()));
            }
        } catch (IOException e) {
            throw new CliException("the keeper does not answer: " + ErrorLine.reason(e), e);
        }
        table.print(System.out, json.isSet());
    }
}
