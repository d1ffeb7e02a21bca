"""A reverse proxy before a registry, as an operator would put one there: it names itself to the registry and says in
header fields whom it asks for."""

import http.client
import http.server
import threading

from harness.server import Server

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host"}


class ReverseProxy:
    """A context manager on a port of 127.0.0.1. `fields(client, host)` are the fields that it adds, `upstream_host` the
    Host that it sends; what the client says of forwarding is left as it is, as careless proxies do."""

    def __init__(self, server: Server, fields, upstream_host: str = "inner.test"):
        self.server, self.fields, self.upstream_host = server, fields, upstream_host
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def port(self) -> int:
        return self._http.server_address[1]

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> "ReverseProxy":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _handler(self):
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def relay(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                upstream = http.client.HTTPConnection(proxy.server.address, proxy.server.port, timeout=30)
                upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                upstream.putheader("Host", proxy.upstream_host)
                for name, value in self.headers.items():
                    if name.lower() not in HOP_BY_HOP:
                        upstream.putheader(name, value)
                for name, value in proxy.fields(self.client_address[0], self.headers["Host"]).items():
                    upstream.putheader(name, value)
                upstream.endheaders(body)
                answer = upstream.getresponse()
                self.send_response_only(answer.status)
                content = answer.read()
                for name, value in answer.getheaders():
                    if name.lower() not in HOP_BY_HOP | {"content-length"}:
                        self.send_header(name, value)
                length = answer.headers["Content-Length"] if self.command == "HEAD" else len(content)
                self.send_header("Content-Length", str(length or 0))
                self.end_headers()
                self.wfile.write(content)
                upstream.close()

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = relay

            def log_message(self, *_):
                pass

        return Handler
