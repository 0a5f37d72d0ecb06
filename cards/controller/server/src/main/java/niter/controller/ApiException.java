package niter.controller;

import io.grpc.Status;

/** A request cannot be done. The message is one line: the field or thing, and what is expected. */
final class ApiException extends Exception {
    private static final long serialVersionUID = 1;

    private final Status.Code code;

    ApiException(Status.Code code, String message) {
        super(message);
        this.code = code;
    }

    static ApiException invalid(String message) {
        return new ApiException(Status.Code.INVALID_ARGUMENT, message);
    }

    static ApiException exhausted(String message) {
        return new ApiException(Status.Code.RESOURCE_EXHAUSTED, message);
    }

    static ApiException precondition(String message) {
        return new ApiException(Status.Code.FAILED_PRECONDITION, message);
    }

    /** As gRPC says it. */
    Status status() {
        return code.toStatus().withDescription(getMessage());
    }
}
