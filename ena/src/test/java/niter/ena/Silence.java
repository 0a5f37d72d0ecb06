package niter.ena;

/** A network that takes every frame, allows everything and sends nothing. */
class Silence implements Network, Allowances {
    @Override
    public void sent(Frame frame) {}

    @Override
    public void flush() {}

    @Override
    public Allowances allowances() {
        return this;
    }

    @Override
    public long bandwidthIn() {
        return 0;
    }

    @Override
    public long bandwidthOut() {
        return 0;
    }

    @Override
    public long packets() {
        return 0;
    }

    @Override
    public long conntrack() {
        return 0;
    }

    @Override
    public long linkLocal() {
        return 0;
    }

    @Override
    public long conntrackAvailable() {
        return 0;
    }
}
