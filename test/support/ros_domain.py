"""ROS domains that no other test on this machine has."""

import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

# Domains whose ports stay below those that Linux hands out to clients.
DOMAIN_IDS = range(1, 102)
CLAIM_PORT = 21000
taken_so_far = itertools.count()


@contextmanager
def domain_id() -> Iterator[int]:
    """Hold a domain: it is taken while the port of its number is."""
    claim = claim_domain()
    try:
        yield claim.getsockname()[1] - CLAIM_PORT
    finally:
        claim.close()


def claim_domain() -> socket.socket:
    """Return the socket that holds a domain.

    The test before may have left a process that dies slowly: its domain is not the
    next to be taken.
    """
    first = (os.getpid() + next(taken_so_far)) % len(DOMAIN_IDS)
    for domain in [*DOMAIN_IDS[first:], *DOMAIN_IDS[:first]]:
        claim = socket.socket()
        try:
            claim.bind(("127.0.0.1", CLAIM_PORT + domain))
        except OSError:
            claim.close()
        else:
            return claim
    message = f"all of the domains {DOMAIN_IDS} are taken: stop other test runs"
    raise RuntimeError(message)
