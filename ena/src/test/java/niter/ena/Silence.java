package niter.ena;

/** A network that takes every frame, allows everything and sends nothing. */
class Silence implements Network {
    @Override
    public void sent(Frame frame) {}

    @Override
    public void flush() {}

    @Override
    public long conntrackAvailable() {
        return 0;
    }
}
