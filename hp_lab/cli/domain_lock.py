"""One laboratory a ROS domain: two would have nodes of the same names."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hp_lab.errors import LaboratoryBusy


@contextmanager
def only_laboratory() -> Iterator[None]:
    """Hold this user's laboratory on the environment's ROS domain.

    Raises:
        LaboratoryBusy: Another process runs one.
    """
    domain = os.environ.get("ROS_DOMAIN_ID", "0")
    path = Path(tempfile.gettempdir()) / f"hp_lab-{os.getuid()}-domain-{domain}.lock"
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            msg = (
                f"a laboratory already runs on ROS domain {domain} (process {holder}); "
                "wait for its end, or set ROS_DOMAIN_ID to another number"
            )
            raise LaboratoryBusy(msg) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
