"""The domain: documents → features → plan → prompt → question. Pure; knows no server and no engine.

interview = open_interview(job, resume, count=8, style="chat")
for item_id in interview.open_items:
    texts = generate(interview.prompt(item_id))
    judgement = judge(interview, item_id, texts, taken)
    question = judgement.question or bank_question(interview, item_id, taken)
"""

from .document import Document, MediaType, document_from_bytes, document_from_text
from .error import DocumentError
from .features import Features, Skill, extract_features
from .interview import Interview, Judgement, bank_question, judge, open_interview
from .personal import find_personal
from .plan import Plan, PlanItem
from .prompt import Message, Prompt
from .question import Evidence, Question, QuestionType, Relation, Slot, Source
from .span import Span

__all__ = [
    "Document",
    "DocumentError",
    "Evidence",
    "Features",
    "Interview",
    "Judgement",
    "MediaType",
    "Message",
    "Plan",
    "PlanItem",
    "Prompt",
    "Question",
    "QuestionType",
    "Relation",
    "Skill",
    "Slot",
    "Source",
    "Span",
    "bank_question",
    "document_from_bytes",
    "document_from_text",
    "extract_features",
    "find_personal",
    "judge",
    "open_interview",
]
