"""What a kubelet does with imagePullSecrets: one call of the container runtime interface, PullImage with credentials.

    cri_pull.py SOCKET IMAGE [USER PASSWORD]

Runs with the system's Python, for which Debian has gRPC; the messages are few enough to be written by hand."""

import sys

import grpc


def field(number: int, value: bytes) -> bytes:
    """A length-delimited field of a message."""
    length, size = len(value), b""
    while length > 127:
        size, length = size + bytes([length & 127 | 128]), length >> 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + value


def main(socket: str, image: str, *credentials: str) -> None:
    auth = b"".join(field(number, text.encode()) for number, text in enumerate(credentials, 1))
    request = field(1, field(1, image.encode())) + (field(2, auth) if auth else b"")
    with grpc.insecure_channel(f"unix://{socket}") as channel:
        answer = channel.unary_unary("/runtime.v1.ImageService/PullImage")(request, timeout=60)
    print(answer[2:].decode())  # image_ref, its only field and short


if __name__ == "__main__":
    main(*sys.argv[1:])
