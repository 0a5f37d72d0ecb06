package niter.linux;

/** Signal numbers, x86-64. signal(7). */
public final class Signals {
    public static final int SIGHUP = 1;
    public static final int SIGINT = 2;
    public static final int SIGQUIT = 3;
    public static final int SIGILL = 4;
    public static final int SIGTRAP = 5;
    public static final int SIGABRT = 6;
    public static final int SIGBUS = 7;
    public static final int SIGFPE = 8;
    public static final int SIGKILL = 9;
    public static final int SIGUSR1 = 10;
    public static final int SIGSEGV = 11;
    public static final int SIGUSR2 = 12;
    public static final int SIGPIPE = 13;
    public static final int SIGALRM = 14;
    public static final int SIGTERM = 15;
    public static final int SIGCHLD = 17;
    public static final int SIGCONT = 18;
    public static final int SIGSTOP = 19;
    public static final int SIGTSTP = 20;
    public static final int SIGTTIN = 21;
    public static final int SIGTTOU = 22;
    public static final int SIGXCPU = 24;
    public static final int SIGXFSZ = 25;
    public static final int SIGWINCH = 28;
    public static final int SIGSYS = 31;

    private Signals() {}

    /** The name, "SIGKILL", or "signal 40" for one without. */
    public static String name(int signal) {
        return switch (signal) {
            case SIGHUP -> "SIGHUP";
            case SIGINT -> "SIGINT";
            case SIGQUIT -> "SIGQUIT";
            case SIGILL -> "SIGILL";
            case SIGTRAP -> "SIGTRAP";
            case SIGABRT -> "SIGABRT";
            case SIGBUS -> "SIGBUS";
            case SIGFPE -> "SIGFPE";
            case SIGKILL -> "SIGKILL";
            case SIGUSR1 -> "SIGUSR1";
            case SIGSEGV -> "SIGSEGV";
            case SIGUSR2 -> "SIGUSR2";
            case SIGPIPE -> "SIGPIPE";
            case SIGALRM -> "SIGALRM";
            case SIGTERM -> "SIGTERM";
            case SIGCHLD -> "SIGCHLD";
            case SIGCONT -> "SIGCONT";
            case SIGSTOP -> "SIGSTOP";
            case SIGTSTP -> "SIGTSTP";
            case SIGTTIN -> "SIGTTIN";
            case SIGTTOU -> "SIGTTOU";
            case SIGXCPU -> "SIGXCPU";
            case SIGXFSZ -> "SIGXFSZ";
            case SIGWINCH -> "SIGWINCH";
            case SIGSYS -> "SIGSYS";
            default -> "signal " + signal;
        };
    }
}
