"""A folder for what is needed only while something is computed."""

import fcntl
import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MARK = ".certifying-"


@contextmanager
def scratch_folder(target: Path) -> Iterator[Path]:
    """A new folder beside ``target``, on the same disk, that is removed when the block ends.

    It is locked while it is used: so a later run can tell what a dead one left behind, and removes that.
    """
    for folder in target.parent.glob(f".{glob.escape(target.name)}{MARK}*"):
        with suppress(OSError), _locked(folder):
            shutil.rmtree(folder, ignore_errors=True)
    folder = target.with_name(f".{target.name}{MARK}{secrets.token_hex(4)}")
    folder.mkdir()
    try:
        with _locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Raises BlockingIOError while another process holds the lock."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(lock)
