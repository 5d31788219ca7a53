"""Fetching a model from the Hugging Face hub: only the files that the conversion reads."""

import errno
import re
from collections.abc import Iterable
from pathlib import Path

from .errors import ConvertError
from .folder import known_config

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
TIMEOUT_S = 5.0
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EIO)
# fmt: off
SMALL_FILES = frozenset({
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "chat_template.jinja",
    "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "tiktoken.model", "tekken.json",
})
# fmt: on
# In order of preference; a repository may hold both formats, and other frameworks' besides.
WEIGHTS = (
    re.compile(r"model(-\d+-of-\d+)?\.safetensors(\.index\.json)?"),
    re.compile(r"pytorch_model(-\d+-of-\d+)?\.bin(\.index\.json)?"),
)
CACHED_WEIGHTS = (
    "model*.safetensors*",
    "pytorch_model*.bin*",
)  # the same, as the hub's library matches names


def fetch(hub_id: str, revision: str | None) -> tuple[Path, str]:
    """The folder with the model's files, and the commit they are of; resumes what an earlier run began.

    Raises ConvertError at once when the hub cannot be reached and its local cache lacks the model.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        info = HfApi().model_info(hub_id, revision=revision, timeout=TIMEOUT_S)
        names = needed_files(sibling.rfilename for sibling in info.siblings or [])
        if not names:
            raise ConvertError(
                f"{hub_id} has neither safetensors nor pytorch_model.bin; give a folder or a GGUF file"
            )
        small = [name for name in names if name in SMALL_FILES]
        # Asked for by the name of the branch, which the cache then knows, and not by the commit.
        folder = snapshot_download(hub_id, revision=revision, allow_patterns=small)
        known_config(Path(folder), hub_id)  # before gigabytes come
        folder = snapshot_download(hub_id, revision=revision, allow_patterns=names)
    except ConvertError:
        raise
    except (HfHubHTTPError, HFValidationError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ConvertError(
            f"the hub refuses {hub_id}{'@' * bool(revision)}{revision or ''}: {reason}"
        ) from None
    except Exception as error:  # each version of the library has another network library, with its errors
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise
        return _cached(hub_id, revision, type(error).__name__)
    return Path(folder), Path(folder).name


def needed_files(names: Iterable[str]) -> list[str]:
    """Of a repository's files, those to fetch; none when it has no weights in a format that can be read."""
    names = list(names)
    for pattern in WEIGHTS:
        if weights := [name for name in names if pattern.fullmatch(name)]:
            return sorted(weights + [name for name in names if name in SMALL_FILES])
    return []


def _cached(hub_id: str, revision: str | None, reason: str) -> tuple[Path, str]:
    from huggingface_hub import snapshot_download

    for weights in CACHED_WEIGHTS:
        try:
            found = snapshot_download(
                hub_id, revision=revision, local_files_only=True, allow_patterns=[*SMALL_FILES, weights]
            )
        except OSError:  # not there, or not all of it
            continue
        if needed_files(path.name for path in Path(found).glob(weights)):
            return Path(found), Path(found).name
    raise ConvertError(
        f"{hub_id} is no file or folder here, and the model hub cannot be reached ({reason}); go online, "
        "which resumes what was fetched of it, or give a Hugging Face folder or a GGUF file"
    )
