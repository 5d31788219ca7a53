"""The model folder's manifest, ``askwell.json``: what the converter wrote and the server may believe.

Standard library only, so that converter and server can share it without sharing anything else.
"""

from .manifest import (
    MANIFEST_NAME,
    Conversion,
    FileRecord,
    Manifest,
    ManifestError,
    file_record,
    read_manifest,
    verify_files,
)

__all__ = [
    "MANIFEST_NAME",
    "Conversion",
    "FileRecord",
    "Manifest",
    "ManifestError",
    "file_record",
    "read_manifest",
    "verify_files",
]
