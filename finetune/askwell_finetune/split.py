"""Which split a role belongs to: whole roles, so that no role in test is seen in training."""

from collections.abc import Iterable
from hashlib import blake2b

from .example import Split

VALIDATION, TEST = 0.1, 0.13


def splits_of(roles: Iterable[str], seed: int) -> dict[str, Split]:
    """A split for each role: about a tenth for validation, an eighth for test, by the roles' hashes.

    From three roles on no split is empty. Raises ValueError for fewer.
    """
    names = sorted(set(roles), key=lambda role: blake2b(f"{seed} {role}".encode(), digest_size=8).digest())
    if len(names) < 3:
        raise ValueError(
            f"{len(names)} role(s) cannot be split into train, validation and test: give at least 3"
        )
    test = max(1, round(TEST * len(names)))
    validation = max(1, round(VALIDATION * len(names)))
    return {
        name: "test" if n < test else "validation" if n < test + validation else "train"
        for n, name in enumerate(names)
    }
