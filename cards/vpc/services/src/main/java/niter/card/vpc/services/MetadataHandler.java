package niter.card.vpc.services;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.eclipse.jetty.http.DateGenerator;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.jspecify.annotations.Nullable;

/** The instance metadata service, version 2, and 1 where that is allowed. */
final class MetadataHandler extends Handler.Abstract.NonBlocking {
    private static final String LIFE = "X-aws-ec2-metadata-token-ttl-seconds";
    private static final String TOKEN = "X-aws-ec2-metadata-token";
    private static final String TOKEN_PATH = "latest/api/token";
    private static final String ANY_TOKEN_PATH = "api/token";

    /** All alike: who asks for a date gets what there is. */
    private static final Set<String> VERSIONS =
            new TreeSet<>(
                    List.of(
                            "1.0",
                            "2007-01-19",
                            "2007-03-01",
                            "2007-08-29",
                            "2007-10-10",
                            "2007-12-15",
                            "2008-02-01",
                            "2008-09-01",
                            "2009-04-04",
                            "2011-01-01",
                            "2011-05-01",
                            "2012-01-12",
                            "2014-02-25",
                            "2014-11-05",
                            "2015-10-20",
                            "2016-04-19",
                            "2016-06-30",
                            "2016-09-02",
                            "2018-03-28",
                            "2018-08-17",
                            "2018-09-24",
                            "2019-10-01",
                            "2020-10-27",
                            "2021-01-03",
                            "2021-03-23",
                            "2021-07-15",
                            "2022-09-24",
                            "2024-04-11",
                            "latest"));

    private static final MetadataTree.Leaf ROOT =
            new MetadataTree.Leaf(
                    String.join("\n", VERSIONS).getBytes(StandardCharsets.UTF_8), true);

    private final Supplier<Guests> guests;
    private final Tokens tokens;

    MetadataHandler(Supplier<Guests> guests, Tokens tokens) {
        this.guests = guests;
        this.tokens = tokens;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        GuestEndPoint endPoint =
                (GuestEndPoint) request.getConnectionMetaData().getConnection().getEndPoint();
        TcpKey peer = endPoint.peer();
        response.getHeaders().put(HttpHeader.CONNECTION, "close");
        @Nullable Guest guest = guests.get().from(peer.mac(), peer.source());
        if (guest == null) { // removed meanwhile
            ErrorPage.write(response, callback, HttpStatus.NOT_FOUND_404);
            return true;
        }
        if (guest.told().getEndpointDisabled()) {
            ErrorPage.write(response, callback, HttpStatus.FORBIDDEN_403);
            return true;
        }
        String path = Request.getPathInContext(request).replaceFirst("^/", "");
        String method = request.getMethod();
        if (path.equals(TOKEN_PATH)) {
            token(guest, endPoint, request, response, callback);
        } else if (method.equals("PUT") && path.endsWith("/" + ANY_TOKEN_PATH)) {
            ErrorPage.write(response, callback, HttpStatus.FORBIDDEN_403);
        } else if (method.equals("GET") || method.equals("HEAD")) {
            read(guest, path, request, response, callback);
        } else {
            refuseMethod(response, callback, "GET, HEAD");
        }
        return true;
    }

    private void token(
            Guest guest,
            GuestEndPoint endPoint,
            Request request,
            Response response,
            Callback callback) {
        HttpFields headers = request.getHeaders();
        if (!request.getMethod().equals("PUT")) {
            boolean asks = request.getMethod().equals("OPTIONS");
            if (asks) {
                response.getHeaders().put(HttpHeader.ALLOW, "OPTIONS, PUT");
                write(response, callback, new MetadataTree.Leaf(new byte[0], true), guest);
            } else {
                refuseMethod(response, callback, "OPTIONS, PUT");
            }
            return;
        }
        endPoint.limitHops(guest.hopLimit());
        if (headers.contains("X-Forwarded-For")) { // a proxy that anybody may talk through
            ErrorPage.write(response, callback, HttpStatus.FORBIDDEN_403);
            return;
        }
        List<String> life = headers.getValuesList(LIFE);
        int seconds =
                life.size() == 1 && life.getFirst().strip().matches("[0-9]{1,5}")
                        ? Integer.parseInt(life.getFirst().strip())
                        : 0;
        if (seconds < 1 || seconds > Tokens.LONGEST.toSeconds()) {
            ErrorPage.write(response, callback, HttpStatus.BAD_REQUEST_400);
            return;
        }
        response.getHeaders().put(LIFE, Integer.toString(seconds));
        byte[] token =
                tokens.issue(guest.tokenScope(), Duration.ofSeconds(seconds))
                        .getBytes(StandardCharsets.US_ASCII);
        write(response, callback, new MetadataTree.Leaf(token, true), guest);
    }

    private void read(
            Guest guest, String path, Request request, Response response, Callback callback) {
        @Nullable String token = request.getHeaders().get(TOKEN);
        boolean allowed =
                token == null
                        ? guest.told().getTokensOptional()
                        : tokens.isGood(token, guest.tokenScope());
        if (!allowed) {
            ErrorPage.write(response, callback, HttpStatus.UNAUTHORIZED_401);
            return;
        }
        MetadataTree.@Nullable Leaf found = find(guest, path);
        if (found == null) {
            ErrorPage.write(response, callback, HttpStatus.NOT_FOUND_404);
        } else {
            write(response, callback, found, guest);
        }
    }

    private static MetadataTree.@Nullable Leaf find(Guest guest, String path) {
        if (path.isEmpty()) {
            return ROOT;
        }
        int slash = path.indexOf('/');
        String version = slash < 0 ? path : path.substring(0, slash);
        return VERSIONS.contains(version)
                ? guest.latest().find(slash < 0 ? "" : path.substring(slash + 1))
                : null;
    }

    private static void refuseMethod(Response response, Callback callback, String allowed) {
        ErrorPage.write(
                response,
                callback,
                HttpStatus.METHOD_NOT_ALLOWED_405,
                new HttpField(HttpHeader.ALLOW, allowed));
    }

    private static void write(
            Response response, Callback callback, MetadataTree.Leaf leaf, Guest guest) {
        HttpFields.Mutable headers = response.getHeaders();
        headers.put(
                HttpHeader.CONTENT_TYPE, leaf.text() ? "text/plain" : "application/octet-stream");
        headers.put(HttpHeader.CONTENT_LENGTH, leaf.bytes().length);
        headers.put(HttpHeader.ACCEPT_RANGES, "none");
        headers.put(
                HttpHeader.LAST_MODIFIED,
                DateGenerator.formatDate(guest.told().getLaunchedUnixMs()));
        response.write(true, ByteBuffer.wrap(leaf.bytes()), callback);
    }
}
