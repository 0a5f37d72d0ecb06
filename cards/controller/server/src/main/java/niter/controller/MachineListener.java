package niter.controller;

/** What a machine says of itself, told to its instance. */
record MachineListener(Instance instance) implements Qmp.Listener {
    @Override
    public void ready(Qmp qmp) {
        instance.ready();
    }

    @Override
    public void shutDown(String reason) {
        if (reason.startsWith("guest")) {
            instance.guestIsDown();
        }
    }

    @Override
    public void deleted(String device) {
        if (!device.isEmpty()) { // a part of a device, which has no name of its own
            instance.unplugged(device);
        }
    }

    @Override
    public void ended() {
        // The keeper tells how its process ended.
    }
}
