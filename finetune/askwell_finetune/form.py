"""What may follow an opening, by the word it ends with."""

from typing import Literal, get_args

Form = Literal["to", "when", "that", "because", "if", "past"]
FORMS: tuple[Form, ...] = get_args(Form)

# "in which you" and "how you" ask what was done; "when you" goes on as "to" does, with the bare verb.
_ENDS: tuple[tuple[str, Form], ...] = (
    (" which you", "past"),
    (" how you", "past"),
    (" when you", "to"),
    (" if there was", "if"),
    *((f" {form}", form) for form in ("to", "when", "that", "because")),
)


def form_of(opening: str) -> Form:
    """The form that goes on from ``opening``. Raises ValueError for an opening of no known form."""
    for end, form in _ENDS:
        if opening.endswith(end):
            return form
    raise ValueError(f"no ending is known to follow {opening!r}")
