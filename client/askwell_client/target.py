"""The server's address, checked before gRPC guesses: it would read a name without a port as port 443."""

import re

_HOST_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^\s:/\[\]]+):(?P<port>\d{1,5})")
_NAMED_RESOLVER = re.compile(r"(dns|ipv4|ipv6|unix|unix-abstract|xds):\S+")


def checked_target(target: str) -> str:
    """``target`` itself if it is HOST:PORT or an address with one of gRPC's schemes; else ``ValueError``."""
    match = _HOST_PORT.fullmatch(target)
    if match and 0 < int(match["port"]) < 65536:
        return target
    if match is None and _NAMED_RESOLVER.fullmatch(target):
        return target
    raise ValueError(f"the server's address must read HOST:PORT, such as localhost:50051, not {target!r}")
