package niter.card.vpc.services;

/** Takes frames to guests. Whatever it cannot take is lost, as on every wire. */
interface FrameSink {
    void send(byte[] frame, int bytes);
}
