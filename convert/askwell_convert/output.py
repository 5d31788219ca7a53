"""The model folder on its way to being whole: written beside its final place, then renamed."""

import errno
import fcntl
import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import ConvertError

WORKING, REPLACED = ".converting-", ".replaced-"


def check_target(target: Path, *, force: bool) -> None:
    """Raises ConvertError unless ``target`` is free, or is a model folder that may be replaced."""
    if not target.exists() and not target.is_symlink():
        parent = _existing(target)
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise ConvertError(f"cannot make {target}: {parent} is no folder that you may write to")
        return
    if not force:
        raise ConvertError(f"{target} exists; choose another folder, or replace it with --force")
    if not target.is_dir() or target.is_symlink():
        raise ConvertError(f"{target} is not a folder; remove it first")
    if any(target.iterdir()) and not (target / "model.bin").is_file():
        raise ConvertError(f"{target} is not a model folder; --force replaces only those; remove it first")


def check_file_target(path: Path) -> None:
    """Raises ConvertError unless a file can be written to ``path``, in a folder that is there."""
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConvertError(f"cannot write {path}; name a file in a folder that is there")


def check_space(target: Path, needed_bytes: int) -> None:
    """Raises ConvertError when the file system has not that much room left, before anything is written."""
    free = shutil.disk_usage(_existing(target)).free
    if free < needed_bytes:
        raise ConvertError(
            f"no space for {target}: it needs {needed_bytes / 1e6:,.0f} MB and {free / 1e6:,.0f} MB are free"
        )


@contextmanager
def new_folder(target: Path, *, force: bool) -> Iterator[Path]:
    """A temporary folder that becomes ``target`` when the block ends well, and vanishes when it does not.

    A folder that stands at ``target`` by then is replaced only with ``force``: it may be another run's. The
    folder is locked while it is worked on: so a later run can tell what a dead one left behind, and removes
    it. Raises ConvertError when the disk is full.
    """
    made_parents = [folder for folder in target.parents if not folder.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(target)
        check_target(target, force=force)
        working = _beside(target, WORKING)
        working.mkdir()
    except OSError as error:
        raise ConvertError(f"cannot write beside {target}: {error.strerror}") from None
    lock = os.open(working, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield working
        _flush(working)
        check_target(target, force=force)
        _put_in_place(working, target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ConvertError(
                f"the disk became full while writing {target}; nothing was left behind"
            ) from None
        raise
    finally:
        os.close(lock)
        shutil.rmtree(working, ignore_errors=True)
        with suppress(OSError):  # they stay once anything lies in them
            for folder in made_parents:
                folder.rmdir()


def _put_in_place(working: Path, target: Path) -> None:
    if target.exists():
        replaced = _beside(target, REPLACED)
        target.rename(replaced)
        try:
            working.rename(target)
        except BaseException:
            replaced.rename(target)
            raise
        shutil.rmtree(replaced, ignore_errors=True)
    else:
        working.rename(target)
    _sync(target.parent)


def _clear_leftovers(target: Path) -> None:
    for folder in target.parent.glob(f".{glob.escape(target.name)}{REPLACED}*"):
        if target.exists():
            shutil.rmtree(folder, ignore_errors=True)
        else:  # a run died between its two renames
            folder.rename(target)
    for folder in target.parent.glob(f".{glob.escape(target.name)}{WORKING}*"):
        with suppress(OSError):
            lock = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _beside(target: Path, purpose: str) -> Path:
    return target.with_name(f".{target.name}{purpose}{secrets.token_hex(4)}")


def _flush(folder: Path) -> None:
    for path in folder.iterdir():
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _existing(path: Path) -> Path:
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path
