"""The domain: documents → features → plan → prompt → question. Pure; knows no server and no engine.

interview = open_interview(job, resume, count=8, style="chat")
for item_id in interview.open_items:
    texts = generate(interview.prompt(item_id))
    judgement = judge(interview, item_id, texts, taken)
    question = judgement.question or bank_question(interview, item_id, taken)
"""

from .document import Document, MediaType, document_from_bytes, document_from_text
from .encoder import Encoder, FloatRows
from .error import DocumentError
from .features import Features, Skill, extract_features
from .figure import Figure
from .follow_up import FollowUpJudgement, OpenFollowUp, Suggestion, judge_follow_up, open_follow_up
from .guard import Guard, Verdict
from .guard_category import JURISDICTIONS
from .interview import Interview, Judgement, bank_question, judge, open_interview
from .item import Plan, PlanItem
from .mode import Mode
from .personal import find_personal
from .prompt import Message, Prompt, prompt_for
from .question import (
    Anchor,
    Evidence,
    FollowUp,
    Question,
    QuestionType,
    Relation,
    Rubric,
    Slot,
    Source,
    Trigger,
)
from .span import Span

__all__ = [
    "JURISDICTIONS",
    "Anchor",
    "Document",
    "DocumentError",
    "Encoder",
    "Evidence",
    "Features",
    "Figure",
    "FloatRows",
    "FollowUp",
    "FollowUpJudgement",
    "Guard",
    "Interview",
    "Judgement",
    "MediaType",
    "Message",
    "Mode",
    "OpenFollowUp",
    "Plan",
    "PlanItem",
    "Prompt",
    "Question",
    "QuestionType",
    "Relation",
    "Rubric",
    "Skill",
    "Slot",
    "Source",
    "Span",
    "Suggestion",
    "Trigger",
    "Verdict",
    "bank_question",
    "document_from_bytes",
    "document_from_text",
    "extract_features",
    "find_personal",
    "judge",
    "judge_follow_up",
    "open_follow_up",
    "open_interview",
    "prompt_for",
]
