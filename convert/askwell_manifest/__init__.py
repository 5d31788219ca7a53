"""The model folder's manifest, ``askwell.json``: what the converter wrote and the server may believe.

Standard library only, so that converter and server can share it without sharing anything else.
"""

from .certificate import Certificate, Interval, Thresholds
from .instruction_set import SAFE_WEIGHT_RANGE, int8_saturates
from .manifest import (
    ENCODERS,
    MANIFEST_NAME,
    Conversion,
    FileRecord,
    Manifest,
    ManifestError,
    file_record,
    read_manifest,
    verify_files,
    write_manifest,
)

__all__ = [
    "ENCODERS",
    "MANIFEST_NAME",
    "SAFE_WEIGHT_RANGE",
    "Certificate",
    "Conversion",
    "FileRecord",
    "Interval",
    "Manifest",
    "ManifestError",
    "Thresholds",
    "file_record",
    "int8_saturates",
    "read_manifest",
    "verify_files",
    "write_manifest",
]
