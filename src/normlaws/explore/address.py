"""Where the page may be served: on this machine, and nowhere else."""

from __future__ import annotations

from normlaws.errors import InputError

LOOPBACK = "127.0.0.1"


def check_host(host: str) -> str:
    """The loopback address.

    Raises:
        InputError: another host is asked for.
    """
    if host not in (LOOPBACK, "localhost"):
        raise InputError(
            f"expected the host {LOOPBACK}, got {host!r}; the page shows files of yours without a "
            "password, so it is served to this machine alone (from another one, forward the port: "
            f"ssh -L 8050:{LOOPBACK}:8050)"
        )
    return LOOPBACK
