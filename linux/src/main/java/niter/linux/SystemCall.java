package niter.linux;

/** Numbers of the system calls, x86-64. arch/x86/entry/syscalls/syscall_64.tbl. */
final class SystemCall {
    static final long READ = 0;
    static final long WRITE = 1;
    static final long CLOSE = 3;
    static final long FSTAT = 5;
    static final long LSEEK = 8;
    static final long MMAP = 9;
    static final long MUNMAP = 11;
    static final long RT_SIGPROCMASK = 14;
    static final long IOCTL = 16;
    static final long PREAD64 = 17;
    static final long PWRITE64 = 18;
    static final long SOCKET = 41;
    static final long CONNECT = 42;
    static final long SENDMSG = 46;
    static final long RECVMSG = 47;
    static final long SHUTDOWN = 48;
    static final long BIND = 49;
    static final long LISTEN = 50;
    static final long SOCKETPAIR = 53;
    static final long GETSOCKOPT = 55;
    static final long EXECVE = 59;
    static final long WAIT4 = 61;
    static final long KILL = 62;
    static final long FCNTL = 72;
    static final long DUP3 = 292;
    static final long FDATASYNC = 75;
    static final long FTRUNCATE = 77;
    static final long FCHMOD = 91;
    static final long PRCTL = 157;
    static final long IO_SETUP = 206;
    static final long IO_SUBMIT = 209;
    static final long EPOLL_WAIT = 232;
    static final long EPOLL_CTL = 233;
    static final long OPENAT = 257;
    static final long FALLOCATE = 285;
    static final long ACCEPT4 = 288;
    static final long EVENTFD2 = 290;
    static final long EPOLL_CREATE1 = 291;
    static final long PIPE2 = 293;
    static final long PREADV = 295;
    static final long RECVMMSG = 299;
    static final long SENDMMSG = 307;
    static final long MEMFD_CREATE = 319;
    static final long COPY_FILE_RANGE = 326;
    static final long PWRITEV2 = 328;
    static final long IO_URING_SETUP = 425;
    static final long IO_URING_ENTER = 426;
    static final long PIDFD_OPEN = 434;
    static final long CLOSE_RANGE = 436;
    static final long PIDFD_GETFD = 438;
    static final long EPOLL_PWAIT2 = 441;

    private SystemCall() {}
}
