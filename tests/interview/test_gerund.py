"""Duties and deeds as something to ask about: "Tell me about a time when planning the rota was difficult"."""

import pytest
from askwell_interview.gerund import deed_phrase, gerund_phrase


@pytest.mark.parametrize(
    "duty",
    [
        "Customer service by phone",
        "Weekend work",
        "Food hygiene",
        "Night shifts",
        "Staff rotas",
        "Cash handling",
        "Stock takes",
        "Traffic control",
        "Key holder",
        "Client contact",
        "Drivers for current sensing",
        "Average handling time target",
        "Together with the actuaries you revise the tariff",
    ],
)
def test_what_does_not_begin_with_a_verb_of_work_is_no_duty(duty: str) -> None:
    assert gerund_phrase(duty) == ""


@pytest.mark.parametrize("name", ["Change management", "Order processing", "Record keeping", "Care plans"])
def test_kind_of_work_that_begins_like_a_verb_is_no_duty(name: str) -> None:
    assert gerund_phrase(name) == ""


@pytest.mark.parametrize(
    ("duty", "phrase"),
    [
        ("Program machines", "programming machines"),
        ("Sit on the programme committee", "sitting on the programme committee"),
        ("Quiz the pupils", "quizzing the pupils"),
        ("Bring products to market", "bringing products to market"),
        ("Mimic the calls of birds", "mimicking the calls of birds"),
        ("Care for residents", "caring for residents"),
        ("Stock the shelves", "stocking the shelves"),
        ("Redesign the fieldwork week", "redesigning the fieldwork week"),
        ("Control of stock", "control of stock"),
        ("Preparing and leading the negotiation", "preparing and leading the negotiation"),
        ("Development of motor control firmware", "development of motor control firmware"),
        ("Maintenance and repair", ""),
        ("Implement new controls", "implementing new controls"),
        ("Explain bills, tariffs and payment plans", "explaining bills"),
        ("Set up and take down stalls", "setting up and taking down stalls"),
    ],
)
def test_verb_is_turned_as_it_is_spelled(duty: str, phrase: str) -> None:
    assert gerund_phrase(duty) == phrase


@pytest.mark.parametrize(
    ("duty", "phrase"),
    [
        ("Build a line of your own in groundwater", "building a line in groundwater"),
        ("Manage your own diary", "managing your own diary"),
        ("Run our own bakery", "running the bakery"),
        (
            "Reconcile medicines for nursing homes when a letter arrives",
            "reconciling medicines for nursing homes",
        ),
        ("Assess patients while they wash", "assessing patients"),
        ("Move the night records team from paper to a shared system", "moving the night records team"),
        ("Answer claims about damaged, short or refused goods", "answering claims"),
        ("Post accruals for goods received but not invoiced yet", "posting accruals for goods received"),
        ("Keep outcome measures and discuss them with the team", "keeping outcome measures"),
        ("Lead blameless reviews and see that actions are finished", "leading blameless reviews"),
        (
            "Plan manual and automated testing for payslips",
            "planning manual and automated testing for payslips",
        ),
        ("Explain variances between standard cost and actual cost to plant managers", "explaining variances"),
        ("Bringing cold start on low-end phones under 1.5 seconds", ""),
        (
            "Move fieldwork from March to the autumn for two clients",
            "moving fieldwork from March to the autumn",
        ),
    ],
)
def test_duty_ends_where_it_says_enough(duty: str, phrase: str) -> None:
    assert gerund_phrase(duty) == phrase


@pytest.mark.parametrize(
    ("deed", "phrase"),
    [
        ("Repaired and cleaned 40 walking frames", "repairing and cleaning"),
        ("Wrote or reviewed eleven support plans", "writing or reviewing eleven support plans"),
        ("Calmed angry callers and settled 44% of complaints", "calming angry callers"),
        ("Asked local firms for donations and raised £22,000", "asking local firms for donations"),
        ("Counted stock and reduced expired goods by 30 percent", "counting stock"),
        ("Introduced a digital learning journal that 9 rooms use", "introducing a digital learning journal"),
        ("Managed print budgets of up to R$ 90,000", "managing print budgets"),
        ("Cut the run time of reports by 40%.", "cutting the run time of reports"),
        ("I started a back pain group for shift workers from the meat works", "starting a back pain group"),
        ("Planned and carried out the move of 3 depots", "planning and carrying out the move"),
        ("Tempered 40 kg of couverture a week", ""),
        ("Gloves and wound care for four hospitals", ""),
        ("Helped me and my team", ""),
        ("Delivered blood samples and lost none in 3 years", "delivering blood samples"),
        ("Led the team through 3 audits", "leading the team"),
        ("Trained three waiters after 2019", "training three waiters"),
        ("Closed the till alone with differences under $2", "closing the till alone"),
        ("Built an Excel model for pension and dividend choices", "building an Excel model"),
        ("Set up a needle and debt advice stall with two clinics", ""),
        ("Recognized for clean workpapers", ""),
        ("Committed team player with drive", ""),
        ("UNITED STATES ARMY", ""),
    ],
)
def test_deed_is_told_without_what_came_of_it(deed: str, phrase: str) -> None:
    assert deed_phrase(deed) == phrase


@pytest.mark.parametrize(
    ("deed", "phrase"),
    [
        ("Brought the crash-free rate from 98.9% to 99.7%", "raising the crash-free rate"),
        ("Brought food cost per cover from 34% to 30.5% in a year", "lowering food cost per cover"),
        ("Brought the queue at the counter down from 12 to 5", "bringing the queue at the counter down"),
        ("Brought the crash-free rate to 99%", ""),
        ("Brought the yearly cost from 1.4 million to 900,000", ""),
    ],
)
def test_what_was_brought_somewhere_went_up_or_down(deed: str, phrase: str) -> None:
    assert deed_phrase(deed) == phrase
