package niter.controller;

import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import niter.controller.northbound.AuthorizeSecurityGroupRequest;
import niter.controller.northbound.ControllerGrpc;
import niter.controller.northbound.CreateSecurityGroupRequest;
import niter.controller.northbound.DeleteManagedPrefixListRequest;
import niter.controller.northbound.DeleteSecurityGroupRequest;
import niter.controller.northbound.DescribeDropsRequest;
import niter.controller.northbound.DescribeManagedPrefixListsRequest;
import niter.controller.northbound.DescribePortsRequest;
import niter.controller.northbound.DescribeSecurityGroupsRequest;
import niter.controller.northbound.Drops;
import niter.controller.northbound.ManagedPrefixList;
import niter.controller.northbound.ManagedPrefixLists;
import niter.controller.northbound.ModifyManagedPrefixListRequest;
import niter.controller.northbound.Ports;
import niter.controller.northbound.RevokeSecurityGroupRequest;
import niter.controller.northbound.SecurityGroup;
import niter.linux.LinuxException;

/**
 * The northbound API's calls about the VPC. gRPC takes one object for a service: {@link
 * NorthboundService} adds the other calls.
 */
abstract class VpcService extends ControllerGrpc.ControllerImplBase {
    private static final System.Logger LOG = System.getLogger(VpcService.class.getName());

    private final Network network;

    /** Work whose failures become the API's errors. */
    interface Call<T> {
        T run() throws ApiException, IOException, InterruptedException;
    }

    VpcService(Network network) {
        this.network = network;
    }

    static <T> void answer(StreamObserver<T> to, Call<T> call) {
        T message;
        try {
            message = call.run();
        } catch (ApiException e) {
            to.onError(e.status().asRuntimeException());
            return;
        } catch (IOException | LinuxException e) {
            String text = String.valueOf(e.getMessage());
            to.onError(Status.INTERNAL.withDescription(text).asRuntimeException());
            return;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            to.onError(Status.UNAVAILABLE.asRuntimeException());
            return;
        } catch (RuntimeException e) {
            LOG.log(System.Logger.Level.ERROR, "a call failed", e);
            String text = "a defect of niter: logs/controller.log says more";
            to.onError(Status.INTERNAL.withDescription(text).asRuntimeException());
            return;
        }
        to.onNext(message);
        to.onCompleted();
    }

    @Override
    public void describeDrops(DescribeDropsRequest request, StreamObserver<Drops> answer) {
        answer(
                answer,
                () -> {
                    try {
                        return network.drops();
                    } catch (Card.RefusedException e) {
                        throw new IOException(e.getMessage(), e);
                    }
                });
    }

    private static niter.controller.northbound.SecurityGroups message(SecurityGroup... groups) {
        return niter.controller.northbound.SecurityGroups.newBuilder()
                .addAllSecurityGroup(List.of(groups))
                .build();
    }

    private niter.controller.northbound.SecurityGroups changed(SecurityGroup group)
            throws IOException {
        network.changed();
        return message(group);
    }

    private static ManagedPrefixLists message(List<ManagedPrefixList> lists) {
        return ManagedPrefixLists.newBuilder().addAllPrefixList(lists).build();
    }

    private ManagedPrefixLists changed(ManagedPrefixList list) throws IOException {
        network.changed();
        return message(List.of(list));
    }

    @Override
    public void describeSecurityGroups(
            DescribeSecurityGroupsRequest request,
            StreamObserver<niter.controller.northbound.SecurityGroups> answer) {
        answer(
                answer,
                () -> {
                    if (request.getGroupCount() == 0) {
                        return message(network.groups().all().toArray(SecurityGroup[]::new));
                    }
                    List<SecurityGroup> found = new ArrayList<>();
                    for (String group : request.getGroupList()) {
                        found.add(network.groups().find(group));
                    }
                    return message(found.toArray(SecurityGroup[]::new));
                });
    }

    @Override
    public void createSecurityGroup(
            CreateSecurityGroupRequest request,
            StreamObserver<niter.controller.northbound.SecurityGroups> answer) {
        answer(
                answer,
                () ->
                        changed(
                                network.groups()
                                        .create(request.getGroupName(), request.getDescription())));
    }

    @Override
    public void deleteSecurityGroup(
            DeleteSecurityGroupRequest request,
            StreamObserver<niter.controller.northbound.SecurityGroups> answer) {
        answer(answer, () -> changed(network.groups().delete(request.getGroup())));
    }

    @Override
    public void authorizeSecurityGroup(
            AuthorizeSecurityGroupRequest request,
            StreamObserver<niter.controller.northbound.SecurityGroups> answer) {
        answer(
                answer,
                () ->
                        changed(
                                network.groups()
                                        .authorize(
                                                request.getGroup(),
                                                request.getEgress(),
                                                request.getRuleList())));
    }

    @Override
    public void revokeSecurityGroup(
            RevokeSecurityGroupRequest request,
            StreamObserver<niter.controller.northbound.SecurityGroups> answer) {
        answer(
                answer,
                () ->
                        changed(
                                network.groups()
                                        .revoke(
                                                request.getGroup(),
                                                request.getEgress(),
                                                request.getRuleList(),
                                                request.getSecurityGroupRuleIdList())));
    }

    @Override
    public void describePorts(DescribePortsRequest request, StreamObserver<Ports> answer) {
        answer(answer, () -> network.ports());
    }

    @Override
    public void describeManagedPrefixLists(
            DescribeManagedPrefixListsRequest request, StreamObserver<ManagedPrefixLists> answer) {
        answer(
                answer,
                () -> {
                    if (request.getPrefixListIdCount() == 0) {
                        return message(network.prefixLists().all());
                    }
                    List<ManagedPrefixList> found = new ArrayList<>();
                    for (String id : request.getPrefixListIdList()) {
                        found.add(network.prefixLists().find(id));
                    }
                    return message(found);
                });
    }

    @Override
    public void createManagedPrefixList(
            ManagedPrefixList request, StreamObserver<ManagedPrefixLists> answer) {
        answer(answer, () -> message(List.of(network.prefixLists().create(request))));
    }

    @Override
    public void modifyManagedPrefixList(
            ModifyManagedPrefixListRequest request, StreamObserver<ManagedPrefixLists> answer) {
        answer(answer, () -> changed(network.prefixLists().modify(request)));
    }

    @Override
    public void deleteManagedPrefixList(
            DeleteManagedPrefixListRequest request, StreamObserver<ManagedPrefixLists> answer) {
        answer(
                answer,
                () -> message(List.of(network.prefixLists().delete(request.getPrefixListId()))));
    }
}
