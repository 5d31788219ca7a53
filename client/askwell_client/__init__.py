"""Client of an Askwell server: text generation and interview questions over gRPC.

>>> from pathlib import Path
>>> from askwell_client import Client
>>> with Client("localhost:50051") as client:
...     for question in client.questions(Path("job.md"), Path("resume.pdf"), count=8).questions:
...         print(question.source, question.text)
"""

import os

# gRPC's core logs to standard error, and reads how much before it is imported. It documents ERROR as its
# default and has forgotten it: without this, every server that goes away leaves a line on the user's screen.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

from askwell_client.async_client import AsyncClient
from askwell_client.client import Client
from askwell_client.document import Document, DocumentLike, MediaType
from askwell_client.errors import (
    AskwellError,
    ConnectError,
    DeadlineError,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
    RequestError,
    ServerError,
    TransientError,
    UnavailableError,
    UnsupportedError,
    Violation,
)
from askwell_client.generation import (
    BatchItem,
    ChatMessage,
    Delta,
    FinishReason,
    Generation,
    Prompt,
    Sample,
    Started,
    StreamEvent,
    Timing,
    Tokens,
    Usage,
)
from askwell_client.interview import (
    Anchor,
    Evidence,
    Extraction,
    Features,
    Figure,
    FollowUp,
    FollowUpSuggestion,
    GuardVerdict,
    Plan,
    PlanItem,
    Question,
    QuestionCheck,
    QuestionEvent,
    QuestionSet,
    QuestionType,
    Relation,
    Rule,
    Skill,
    Slot,
    Source,
    StreamPlan,
    Summary,
    Trigger,
)
from askwell_client.model import Certificate, Health, Interval, Load, ModelInfo, PromptStyle
from askwell_client.option import FollowUpOptions, GenerateOptions, Mode, Priority, QuestionOptions

__all__ = [
    "Anchor",
    "AskwellError",
    "AsyncClient",
    "BatchItem",
    "Certificate",
    "ChatMessage",
    "Client",
    "ConnectError",
    "DeadlineError",
    "Delta",
    "Document",
    "DocumentLike",
    "Evidence",
    "Extraction",
    "Features",
    "Figure",
    "FinishReason",
    "FollowUp",
    "FollowUpOptions",
    "FollowUpSuggestion",
    "GenerateOptions",
    "Generation",
    "GuardVerdict",
    "Health",
    "Interval",
    "InvalidRequestError",
    "Load",
    "MediaType",
    "Mode",
    "ModelInfo",
    "NotFoundError",
    "OverloadedError",
    "Plan",
    "PlanItem",
    "Priority",
    "Prompt",
    "PromptStyle",
    "Question",
    "QuestionCheck",
    "QuestionEvent",
    "QuestionOptions",
    "QuestionSet",
    "QuestionType",
    "Relation",
    "RequestError",
    "Rule",
    "Sample",
    "ServerError",
    "Skill",
    "Slot",
    "Source",
    "Started",
    "StreamEvent",
    "StreamPlan",
    "Summary",
    "Timing",
    "Tokens",
    "TransientError",
    "Trigger",
    "UnavailableError",
    "UnsupportedError",
    "Usage",
    "Violation",
]
