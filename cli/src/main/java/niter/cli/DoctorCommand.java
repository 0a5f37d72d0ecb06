package niter.cli;

import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** Checks the machine. */
@Command(
        name = "doctor",
        mixinStandardHelpOptions = true,
        description = "Check what niter needs of this machine: a line a check, with the mend.")
final class DoctorCommand implements Callable<Integer> {
    @Override
    public Integer call() {
        List<Finding> findings = Checks.all();
        int status = 0;
        for (Finding finding : findings) {
            System.out.println(finding.line());
            if (finding.level() == Finding.Level.BROKEN) {
                status = NiterMain.FAILURE;
            }
        }
        return status;
    }
}
