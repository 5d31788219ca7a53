"""Reading a text file of a source, which somebody else put there."""

import os
import stat
from pathlib import Path

from .errors import ConvertError

# A configuration takes kilobytes, the index of a thousand shards' tensors megabytes. JSON can take
# twenty times its length in memory. Tokenizers are not parsed here; that of 262,000 tokens takes 33 MB.
MAX_JSON_BYTES, MAX_TOKENIZER_BYTES = 16_000_000, 100_000_000


def read_source_text(path: Path, limit: int = MAX_JSON_BYTES) -> str:
    """Raises ConvertError for a file that is none or too long, OSError and UnicodeDecodeError as open does.

    A pipe would make us wait for a writer, a device may never end.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConvertError(f"{path} is no plain file")
        if status.st_size > limit:
            raise ConvertError(f"{path} has {status.st_size:,} bytes; more than {limit:,} are not read")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(limit).decode("utf-8")
    finally:
        os.close(descriptor)
