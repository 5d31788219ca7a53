"""What a workload file asks for, and what an answer must keep to count as good."""

from .markdown import exact, listed, whole
from .source import Result, as_number

_KINDS = {
    "fixed": "requests of one size",
    "interviews": "question sets as the interview service makes them, each a call with a candidate's prompts",
    "mixed": "requests of mixed lengths",
    "sets": "question sets, each a call with prompts that share their beginning",
}


def workload_told(result: Result) -> str:
    """Empty where the result does not say."""
    name, kind = (str(result.get("workload", key) or "") for key in ("name", "kind"))
    if not name:
        return ""
    lengths = [
        f"{whole(length)} {key.replace('_', ' ')}"
        for key, value in result.object("workload", "lengths").items()
        if (length := as_number(value)) is not None
    ]
    sizes = f" ({', '.join(lengths)})" if lengths else ""
    kept = listed(limits_told(result, "its first token", "its end"))
    good = f" Good is a request that has {kept}." if kept else ""
    return f"Workload `{name}`: {_KINDS.get(kind, kind)}{sizes}.{good}"


def limits_told(result: Result, first: str, end: str) -> list[str]:
    """Those that the file has, in the given words."""
    limits = {first: "first_s", end: "end_to_end_s"}
    return [
        f"{what} within {exact(limit)} s"
        for what, key in limits.items()
        if (limit := result.number("workload", "limits", key)) is not None
    ]
