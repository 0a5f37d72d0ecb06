package niter.card.ebs;

/** A listener to a disk that is never full and loses nothing. */
final class Silence implements DiskFull.Listener {
    @Override
    public void diskFull() {
        throw new AssertionError("the disk is not full");
    }

    @Override
    public void diskSpaceAgain() {
        throw new AssertionError("the disk was not full");
    }

    @Override
    public void writesLost() {
        throw new AssertionError("no sync has failed");
    }
}
