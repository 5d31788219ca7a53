"""The control groups of Linux that this process is in: what a container or a service manager allows it."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def own_groups(controller: str, root: Path = Path("/")) -> Iterator[Path]:
    """Folders of this process's groups for "memory" or "cpu", its own before those around it: each binds.

    Version 2 has one tree for all controllers, version 1 one for each. A container may see less of a tree
    than its process is in; at the tree's root it sees its own group then.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / (controller if controllers else "")
        group = PurePosixPath(name.lstrip("/"))
        yield from (mount / each for each in (group, *group.parents) if (mount / each).is_dir())
