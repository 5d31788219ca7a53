"""What a candidate tells of private life reaches no prompt, no evidence and no competency."""

from datetime import date
from time import perf_counter

import pytest
from askwell_interview import bank_question, document_from_text, extract_features, open_interview
from askwell_interview.life import speaks_of_life, without_life_clauses

TODAY = date(2026, 1, 1)
JOB = document_from_text(
    "# Payroll clerk\n\nDuties\n- Run the monthly payroll in SAP\n- Keep reports in Excel\n\n"
    "Requirements\n- SAP\n- Excel\n- Python\n\n"
    "We welcome everybody regardless of religion, union membership, pregnancy or sexual orientation.\n"
)
RESUME = document_from_text(
    "# Marisol Quintanilla\nm.quintanilla@example.org\n\nExperience\nPayroll clerk, 2018-2024\n"
    "- Returned after the birth of my second child and ran SAP payroll\n"
    "- Took two years off for cancer treatment, then ran payroll in Python\n"
    "- Founded the LGBT staff network as a gay man, reported in Excel\n"
    "- Chaired the Labour Party branch and kept Excel books\n"
    "- Led the church choir on Sundays\n"
    "- Trained three waiters after my pregnancy\n"
    "- Caring for my mother, kept the archive in order\n"
    "- Cut payroll errors by a third\n\n"
    "Skills\n- Excel, church music, Power BI\n"
)


def test_life_in_a_resume_leaves_neither_as_text_nor_as_topic() -> None:
    interview = open_interview(JOB, RESUME, count=12, style="chat", today=TODAY)
    features = extract_features(JOB, RESUME, TODAY)
    items = [(item.competency, item.reason, item.resume_evidence) for item in interview.plan.items]
    prompts = [interview.prompt(id_) for id_ in interview.open_items]
    told = repr(
        (items, prompts, features, [bank_question(interview, id_, []) for id_ in interview.open_items])
    )
    for word in ("birth", "child", "cancer", "LGBT", "gay", "Labour Party", "church", "pregnan", "mother"):
        assert word.casefold() not in told.casefold()
    assert [deed.quote for deed in features.achievements] == ["Cut payroll errors by a third"]
    assert {"SAP", "Excel", "Python", "Power BI"} <= {
        skill.name
        for skill in features.job_skills + features.other_skills
        if skill.resume_evidence is not None
    }


@pytest.mark.parametrize(
    "sentence",
    [
        "Cared full-time for my disabled son for three years",
        "Returned from maternity leave and rebuilt the ledger",
        "Maternity leave 2019-2020",
        "Became a father and moved to part-time",
        "Was diagnosed with multiple sclerosis and moved to office work",
        "Recovered from burnout and ran SAP",
        "Built spreadsheets while seven months pregnant",
        "Finished rehab and ran the till",
        "Kept the accounts of the parish in Excel",
        "Campaigned for the Green Party in two elections",
        "Was elected shop steward and planned shifts",
        "Was granted asylum and learned Excel",
        "Organised events of the Turkish Cultural Association",
        "Completed military reserve duty twice a year",
        "Was honourably discharged from the army",
        "Served eighteen months in prison and trained as a bookkeeper",
        "My salary was 52000 euros",
    ],
)
def test_life_is_told_from_work(sentence: str) -> None:
    assert speaks_of_life(sentence) and speaks_of_life(sentence.lower())


@pytest.mark.parametrize(
    "sentence",
    [
        "Covered maternity leave for two terms",
        "Administered maternity leave requests for 300 staff",
        "Negotiated with trade unions on shift patterns",
        "Planned the party for 200 guests",
        "Advised 300 families during pregnancy",
        "Cared for cancer patients on a ward of 20",
        "Supported children with autism in class",
        "Had two weeks to rebuild the platform",
        "Took four days out of the delivery cycle",
        "Led recovery from a failed release",
        "Ran background and criminal record checks",
        "Improved service levels at the service desk",
        "Led the school choir and two plays",
        "Presented at the American Society of Civil Engineers",
    ],
)
def test_work_is_no_life(sentence: str) -> None:
    assert not speaks_of_life(sentence)


@pytest.mark.parametrize(
    ("sentence", "job"),
    [
        ("Led the church choir on Sundays", "Organist of the parish of St Mary"),
        ("Negotiated as shop steward at two plants", "You represent the union in disputes"),
        ("Guided people after prison into work", "Probation officer"),
        ("Ran courses on refugee status", "Adviser for refugees"),
    ],
)
def test_what_the_job_is_about_is_work(sentence: str, job: str) -> None:
    assert speaks_of_life(sentence) and not speaks_of_life(sentence, job)


def test_own_life_is_life_in_every_job() -> None:
    assert speaks_of_life("Trained two midwives after my pregnancy", "Midwife: care for women in pregnancy")


@pytest.mark.parametrize(
    ("sentence", "left"),
    [
        ("I had cancer that year and my wife was ill, so I rang the customer.", "I rang the customer."),
        ("i covered the desk because my wife was ill", "i covered the desk"),
        ("When I was pregnant, I rewrote the menu.", "I rewrote the menu."),
        ("I was ill.", ""),
        ("I rang the customer, and she agreed.", "I rang the customer, and she agreed."),
    ],
)
def test_clauses_of_life_go_and_the_rest_stays_whole(sentence: str, left: str) -> None:
    assert without_life_clauses(sentence, "") == left


@pytest.mark.parametrize(
    ("sentence", "job"),
    [
        ("Ran courses on refugee status", "Plan database migrations"),
        ("Completed rehab and ran the till", "Hospitality manager with medical insurance"),
        ("Organised Pride events", "We pride ourselves on speed"),
    ],
)
def test_job_that_only_sounds_like_it_makes_nothing_work(sentence: str, job: str) -> None:
    assert speaks_of_life(sentence, job)


def test_reading_a_long_sentence_takes_no_time() -> None:
    begin = perf_counter()
    for part in ("my own ", "after having my ", "was being ", "took two three ", "i had a ", "as an "):
        speaks_of_life((part * 200)[:1000])
    assert perf_counter() - begin < 2.0
