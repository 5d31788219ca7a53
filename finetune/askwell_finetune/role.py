"""Authored roles: a job, résumés that apply for it, and endings of questions by competency and form.

    ROLE/job.md, ROLE/resume-1.md, ..., ROLE/questions.tsv

Each line of questions.tsv: competency, form and ending, with tabs between them; ``#`` begins a comment.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from askwell_interview import Document, document_from_text

from .form import FORMS, Form


@dataclass(frozen=True, slots=True)
class Ending:
    """How a question about ``competency`` may end, after an opening of this form. No final mark."""

    competency: str
    form: Form
    text: str


@dataclass(frozen=True, slots=True)
class Role:
    """``name``: the folder's."""

    name: str
    job: Document
    resumes: tuple[Document, ...]
    endings: tuple[Ending, ...]


def roles_from_folder(folder: Path) -> Iterator[Role]:
    """The roles of a folder by name. Raises ValueError for a role that is not whole."""
    found = sorted(each.parent for each in folder.glob("*/job.md"))
    if not found:
        raise ValueError(
            f"{folder} holds no roles: each is a folder with job.md, resume-1.md and questions.tsv"
        )
    return map(_role, found)


def _role(folder: Path) -> Role:
    resumes = sorted(folder.glob("resume-*.md"))
    if not resumes:
        raise ValueError(f"{folder} holds no resume-1.md")
    return Role(
        folder.name,
        _document(folder / "job.md"),
        tuple(map(_document, resumes)),
        tuple(_endings(folder / "questions.tsv")),
    )


def _document(path: Path) -> Document:
    return document_from_text(path.read_text(encoding="utf-8"))


def _endings(path: Path) -> Iterator[Ending]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        columns = line.split("\t")
        form = next((form for form in FORMS if len(columns) == 3 and columns[1] == form), None)
        if form is None:
            raise ValueError(
                f"{path}, line {number}: wants a competency, one of {', '.join(FORMS)} and an ending, "
                "with tabs between them"
            )
        yield Ending(columns[0], form, columns[2].strip())
