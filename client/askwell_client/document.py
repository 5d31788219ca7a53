"""A job description or a résumé on its way to the server."""

from dataclasses import dataclass
from enum import StrEnum
from os import PathLike
from pathlib import Path
from typing import Self

from askwell.v1 import interview_pb2

from askwell_client.errors import NOT_UNICODE, InvalidRequestError
from askwell_client.mirror import enum_number

# The server's limit, applied here too: a larger message would be cut off on the way, and explained less well.
MAX_BYTES = 4 * 1024 * 1024


class MediaType(StrEnum):
    """What a file is. UNSPECIFIED lets the server recognise it by its first bytes."""

    UNSPECIFIED = "UNSPECIFIED"
    TEXT = "TEXT"
    PDF = "PDF"
    DOCX = "DOCX"


@dataclass(frozen=True, slots=True)
class Document:
    """Text, or the bytes of a file: UTF-8 text, PDF or DOCX.

    >>> Document("Platform engineer, on call one week in four.")
    >>> Document.from_path("resume.pdf")
    """

    source: str | bytes
    media_type: MediaType = MediaType.UNSPECIFIED

    @classmethod
    def from_path(cls, path: str | PathLike[str]) -> Self:
        """Reads a file, just past the size limit at most. Raises ``OSError`` when it cannot be read."""
        with Path(path).open("rb") as file:
            return cls(file.read(MAX_BYTES + 1))


# What callers may hand over: a str is the text itself, never a path.
DocumentLike = Document | str | bytes | PathLike[str]


def document_to_pb(document: DocumentLike, field: str) -> interview_pb2.Document:
    """``field`` is the document's name in the request, for errors. Reads the file that a path names."""
    if isinstance(document, PathLike):
        document = Document.from_path(document)
    elif not isinstance(document, Document):
        document = Document(document)
    source = document.source
    try:
        size = len(source.encode() if isinstance(source, str) else source)
    except UnicodeEncodeError:
        raise InvalidRequestError.of(field, NOT_UNICODE) from None
    if size > MAX_BYTES:
        raise InvalidRequestError.of(
            field, f"larger than {MAX_BYTES // 2**20} MiB, the most a document may have"
        )
    message = interview_pb2.Document()
    if isinstance(source, str):
        message.text = source
    else:
        message.content = source
    if document.media_type is not MediaType.UNSPECIFIED:
        number = enum_number(interview_pb2.Document, "media_type", document.media_type)
        message.media_type = interview_pb2.MediaType.ValueType(number)
    return message
