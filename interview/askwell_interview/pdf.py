"""Text of a PDF."""

import logging
import struct
import zlib
from io import BytesIO

from pypdf import PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError

from .error import DocumentError

MAX_PAGES = 40

# pypdf reports on damaged files through its logger, and quotes them.
logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)


def read_pdf(content: bytes, max_characters: int) -> str:
    """Every page's text, pages parted by an empty line. Raises DocumentError."""
    try:
        reader = PdfReader(BytesIO(content), strict=False)
        # The empty password opens what is only protected against changes.
        if reader.is_encrypted and not reader.decrypt(""):
            raise DocumentError("the PDF is encrypted: save it without a password")
        pages = len(reader.pages)
        if pages > MAX_PAGES:
            raise DocumentError(f"the PDF has {pages} pages; at most {MAX_PAGES} are read")
        text = _text(reader, max_characters)
    except DocumentError:
        raise
    except (DependencyError, FileNotDecryptedError):
        raise DocumentError("the PDF is encrypted: save it without a password") from None
    except (
        PyPdfError,
        ArithmeticError,
        AssertionError,
        EOFError,
        struct.error,
        zlib.error,
        AttributeError,
        LookupError,
        OSError,
        RecursionError,
        TypeError,
        ValueError,
        NotImplementedError,
    ):
        # pypdf lets whatever a damaged object leads to escape.
        raise DocumentError("the PDF is broken: open it and save it again") from None
    if not any(character.isalnum() for character in text):
        raise DocumentError("the PDF holds no text and looks scanned: use a PDF with text, or DOCX")
    return text


def _text(reader: PdfReader, max_characters: int) -> str:
    parts: list[str] = []
    length = 0
    for page in reader.pages:
        parts.append(page.extract_text())
        length += len(parts[-1])
        if length > max_characters:
            raise DocumentError(f"the document has more than {max_characters} characters of text")
    return "\n\n".join(parts)
