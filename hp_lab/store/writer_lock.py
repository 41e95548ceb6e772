"""One writer a journal file: a lock that the kernel drops when its holder dies."""

import fcntl
import os
from pathlib import Path
from typing import Self

from hp_lab.errors import LaboratoryBusy


class WriterLock:
    """An exclusive lock on FILE.lock beside the file it protects.

    The lock file stays when the lock is released: removing it would let two processes
    lock two files of one name. Its content, the holder's pid, is for messages only.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, protected: Path) -> Self:
        """Take the lock or fail at once.

        Raises:
            LaboratoryBusy: Somebody holds it; the message names the file and the pid.
            OSError: The lock file cannot be created.
        """
        path = protected.with_name(protected.name + ".lock")
        # The descriptor is not inherited by programs started from here, so that a child
        # which outlives its parent does not keep the journal.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(descriptor)
            msg = (
                f"{protected}: process {holder or 'unknown'} is writing this journal; "
                "wait for it, stop it, or open the journal for reading"
            )
            raise LaboratoryBusy(msg) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Give the lock back; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
