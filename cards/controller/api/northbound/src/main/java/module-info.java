/** The northbound API: what outpost and CLI ask of the controller, over gRPC. */
@org.jspecify.annotations.NullMarked
module niter.controller.northbound {
    requires transitive com.google.common;
    requires transitive com.google.protobuf;
    requires transitive io.grpc;
    requires transitive io.grpc.protobuf;
    requires transitive io.grpc.stub;
    requires transitive io.grpc.netty;
    // gRPC's jars are automatic modules, Netty's are named: nothing else pulls these in.
    requires transitive io.netty.codec.http;
    requires transitive io.netty.codec.http2;
    requires transitive io.netty.common;
    requires transitive io.netty.handler;
    requires transitive io.netty.handler.proxy;
    requires transitive io.netty.transport;
    requires java.logging;
    requires static org.jspecify;

    exports niter.controller.northbound;
}
