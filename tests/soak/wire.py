"""A worker's line to the registry. What a kill or a full disk cuts short comes out as Interrupted: the caller does not
know whether it happened."""

import http.client
import ssl

from harness.server import Server
from harness.v2 import V2, Answer


class Interrupted(Exception):
    """No answer, or one that says nothing about what was done (5xx)."""


class Wire:
    """Every request of one repository and worker."""

    def __init__(self, server: Server, repository: str, authorization: str):
        self.v2 = V2(server, repository, authorization)

    def send(self, method: str, path: str, body=None, headers: dict | None = None, chunked: bool = False) -> Answer:
        try:
            answer = self.v2.request(method, path, body, headers, chunked)
        except (OSError, http.client.HTTPException, ssl.SSLError) as error:
            raise Interrupted(repr(error)) from error
        if answer.status >= 500:
            raise Interrupted(f"{method} {path}: {answer.status} {answer.body[:300]!r}")
        return answer

    def path(self, rest: str) -> str:
        return self.v2.path(rest)
