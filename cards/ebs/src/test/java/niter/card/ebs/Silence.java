package niter.card.ebs;

/** A listener to a disk that is never full. */
final class Silence implements DiskFull.Listener {
    @Override
    public void diskFull() {
        throw new AssertionError("the disk is not full");
    }

    @Override
    public void diskSpaceAgain() {
        throw new AssertionError("the disk was not full");
    }
}
