"""Requests signed by hand (Signature Version 4), so that each part of a signature can be wrong."""

import dataclasses
import datetime
import hashlib
import hmac
import urllib.parse

from harness.server import REGION, Server
from harness.v2 import V2, Answer

TARGET = "AmazonEC2ContainerRegistry_V20150921."


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def _quote(text: str) -> str:
    return urllib.parse.quote(text, safe="~")


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


@dataclasses.dataclass
class Signer:
    key: str
    secret: str
    region: str = REGION
    service: str = "ecr"
    terminator: str = "aws4_request"
    time: datetime.datetime = dataclasses.field(default_factory=now)

    @classmethod
    def of(cls, server: Server, **changes) -> "Signer":
        key, secret = server.credentials()
        return cls(**{"key": key, "secret": secret, **changes})

    @property
    def stamp(self) -> str:
        return self.time.strftime("%Y%m%dT%H%M%SZ")

    @property
    def scope(self) -> str:
        return f"{self.stamp[:8]}/{self.region}/{self.service}/{self.terminator}"

    def signature(self, method: str, query: dict, headers: dict, body: bytes) -> str:
        """`headers` are those to sign, in lower case."""
        quoted = sorted((_quote(name), _quote(value)) for name, value in query.items())
        canonical = "\n".join([method, "/", "&".join(f"{name}={value}" for name, value in quoted),
                               *(f"{name}:{headers[name].strip()}" for name in sorted(headers)), "",
                               ";".join(sorted(headers)), hashlib.sha256(body).hexdigest()])
        text = "\n".join(["AWS4-HMAC-SHA256", self.stamp, self.scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + self.secret).encode()
        for part in self.scope.split("/"):
            key = _hmac(key, part)
        return _hmac(key, text).hex()

    def authorization(self, method: str, headers: dict, body: bytes) -> str:
        return (f"AWS4-HMAC-SHA256 Credential={self.key}/{self.scope}, SignedHeaders={';'.join(sorted(headers))}, "
                f"Signature={self.signature(method, {}, headers, body)}")

    def presigned(self, method: str, query: dict, headers: dict, body: bytes = b"", seconds: int = 60) -> str:
        """The query of a presigned request."""
        query = {**query, "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{self.key}/{self.scope}",
                 "X-Amz-Date": self.stamp, "X-Amz-Expires": str(seconds), "X-Amz-SignedHeaders": ";".join(sorted(headers))}
        query["X-Amz-Signature"] = self.signature(method, query, headers, body)
        return urllib.parse.urlencode(query)


def json_headers(signer: Signer, host: str, operation: str, body: bytes, target: str = TARGET) -> dict:
    """Of a signed request; without Host, which the connection writes."""
    headers = {"host": host, "x-amz-date": signer.stamp, "x-amz-target": target + operation,
               "content-type": "application/x-amz-json-1.1"}
    authorization = signer.authorization("POST", headers, body)
    del headers["host"]
    return {**headers, "authorization": authorization}


def call_json(server: Server, operation: str, body: bytes = b"{}", signer: Signer | None = None,
              unsigned: dict | None = None, target: str = TARGET) -> Answer:
    """An operation of the JSON protocol. `unsigned` are headers that are sent but not signed."""
    signer = signer or Signer.of(server)
    headers = json_headers(signer, server.host, operation, body, target)
    return V2(server, authorization="").request("POST", "/", body, {**headers, **(unsigned or {})})


def json_error(answer: Answer) -> tuple[int, str, str]:
    """Status, code and message; holds the answer to the protocol's form."""
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.1", answer
    assert answer.headers["x-amzn-RequestId"], answer
    return answer.status, answer.json()["__type"], answer.json().get("message", "")
