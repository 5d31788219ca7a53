"""What a server might say about one candidate: three planned, two by the model, one of the bank."""

from askwell.v1 import interview_pb2 as pb

JOB = "Site reliability engineer. You share the on-call rota for our payment systems and run Kubernetes."
RESUME = "Ran the on-call rota for two years. Moved 40 services to Nomad."
ROTA = pb.Evidence(quote="on-call rota for our payment systems", start=41, end=77)
KUBERNETES = pb.Evidence(quote="Kubernetes", start=86, end=96)
RAN = pb.Evidence(quote="Ran the on-call rota", start=0, end=20)

PLAN = pb.Plan(
    items=[
        pb.PlanItem(
            id="core-1",
            slot=pb.Question.CORE,
            type=pb.Question.BEHAVIOURAL,
            competency="incident response",
            relation=pb.Question.JOB,
            reason="The job shares a rota for payment systems, so every candidate is asked about incidents.",
            job_evidence=ROTA,
        ),
        pb.PlanItem(
            id="probe-1",
            slot=pb.Question.PROBE,
            type=pb.Question.BEHAVIOURAL,
            competency="on-call rota",
            relation=pb.Question.UNVERIFIED_CLAIM,
            reason="The résumé claims two years of it and tells no occasion.",
            job_evidence=ROTA,
            resume_evidence=RAN,
        ),
        pb.PlanItem(
            id="probe-2",
            slot=pb.Question.PROBE,
            type=pb.Question.SITUATIONAL,
            competency="Kubernetes",
            relation=pb.Question.GAP,
            reason="The job runs Kubernetes and the résumé names another scheduler.",
            job_evidence=KUBERNETES,
        ),
    ]
)


def _question(item: pb.PlanItem, text: str, source: pb.Question.Source, finished_s: float) -> pb.Question:
    same = {name: getattr(item, name) for name in ("id", "slot", "type", "competency", "relation")}
    question = pb.Question(**same, text=text, source=source, finished_s=finished_s, attempts=2)
    question.job_evidence.CopyFrom(item.job_evidence)
    if item.HasField("resume_evidence"):
        question.resume_evidence.CopyFrom(item.resume_evidence)
    return question


QUESTIONS = [
    _question(
        PLAN.items[0],
        "Tell me about an incident in a payment system that you led: what did you do first, and why that?",
        pb.Question.MODEL,
        1.25,
    ),
    _question(PLAN.items[1], "Which night on call taught you most, \x1b[31mand why?", pb.Question.MODEL, 2.5),
    _question(
        PLAN.items[2],
        "Suppose you join and own a Kubernetes cluster [prod] tomorrow. How do you begin?",
        pb.Question.BANK,
        3.75,
    ),
]
RUBRIC = pb.Question(
    difficulty=3,
    minutes=5,
    anchors=[
        pb.Anchor(rating=1, text="Names no incident."),
        pb.Anchor(rating=3, text="Tells the steps."),
        pb.Anchor(rating=5, text="Tells the steps, why, and what changed <after> it."),
    ],
    covers=["the first five minutes", "who was told"],
    red_flags=["Blames a colleague"],
    follow_ups=[
        pb.FollowUp(trigger=pb.FollowUp.NO_RESULT, text="How did you know that it was over?"),
        pb.FollowUp(trigger=pb.FollowUp.STRONG, text="What would you automate?"),
    ],
    model="smollm2",
    prompt_version="0123abcd",
)
QUESTIONS[0].MergeFrom(RUBRIC)
SUMMARY = pb.Summary(
    model_questions=2,
    bank_questions=1,
    plan_s=0.05,
    write_s=3.7,
    first_question_s=1.25,
    new_tokens=180,
    refused={"one_question": 2, "evidence": 1},
    minutes=15,
)

ANSWER = pb.GenerateQuestionsResponse(
    request_id="r1", model="smollm2", plan=PLAN, questions=QUESTIONS, summary=SUMMARY
)
EVENTS = [
    pb.StreamQuestionsResponse(plan=pb.StreamPlan(request_id="r1", model="smollm2", plan=PLAN)),
    *[pb.StreamQuestionsResponse(question=question) for question in QUESTIONS],
    pb.StreamQuestionsResponse(summary=SUMMARY),
]
