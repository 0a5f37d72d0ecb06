package niter.card.vpc.services;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;

/** Errors in EC2's form, also those that Jetty finds, and without a word about what is behind. */
final class ErrorPage extends ErrorHandler {
    static final String SERVER = "EC2ws";

    private static final String TYPE = "text/html";

    static byte[] text(int status) {
        String title = status + " - " + HttpStatus.getMessage(status);
        return """
        <?xml version="1.0" encoding="iso-8859-1"?>
        <!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
        \t"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
        <html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
         <head>
          <title>%s</title>
         </head>
         <body>
          <h1>%s</h1>
         </body>
        </html>
        """
                .formatted(title, title)
                .getBytes(StandardCharsets.US_ASCII);
    }

    /** Answers with a status and its page. */
    static void write(Response response, Callback callback, int status, HttpField... more) {
        response.setStatus(status);
        HttpFields.Mutable headers = response.getHeaders();
        for (HttpField field : more) {
            headers.put(field);
        }
        byte[] page = text(status);
        headers.put(HttpHeader.SERVER, SERVER);
        headers.put(HttpHeader.CONNECTION, "close");
        headers.put(HttpHeader.CONTENT_TYPE, TYPE);
        headers.put(HttpHeader.CONTENT_LENGTH, page.length);
        response.write(true, ByteBuffer.wrap(page), callback);
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        write(response, callback, response.getStatus());
        return true;
    }
}
