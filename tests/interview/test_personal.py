"""Personal data is found wherever it stands, and nothing that leaves the domain holds any."""

import pickle
from datetime import date

import pytest
from askwell_bench.quality.canary import Haystack, personas, planted
from askwell_interview import (
    Document,
    Evidence,
    Interview,
    bank_question,
    document_from_text,
    extract_features,
    find_personal,
    open_interview,
)
from askwell_interview.answer import answer_from_text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TODAY = date(2026, 1, 1)
SECRETS = ("Marisol", "Quintanilla", "marisol", "@example", "7946", "0991", "Osprey", "LS6", "1988")


def _covered(text: str, part: str) -> bool:
    start = text.index(part)
    return any(span.start <= start and start + len(part) <= span.end for span in find_personal(text))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Write to jane_doe+jobs@mail.example.co.uk today", "jane_doe+jobs@mail.example.co.uk"),
        ("Phone: 030 1234567", "030 1234567"),
        ("Call me on (415) 555-2671 any time", "(415) 555-2671"),
        ("Reach me: +86 138 0013 8000", "+86 138 0013 8000"),
        ("Mobile 07700 900461", "07700 900461"),
        ("See linkedin.com/in/jane-doe-42 for more", "linkedin.com/in/jane-doe-42"),
        ("Portfolio https://janedoe.dev/work", "https://janedoe.dev/work"),
        ("I live at 12 Rosewood Avenue, Springfield, IL 62704", "12 Rosewood Avenue, Springfield, IL 62704"),
        ("Wohnhaft Lindenstraße 14, 10969 Berlin", "Lindenstraße 14, 10969 Berlin"),
        ("Nationality: Freedonian", "Freedonian"),
        ("Marital status: married, two children", "married, two children"),
        ("I was born in Lisbon in 1990.", "born in Lisbon in 1990"),
        ("Name: Oyelaran Adebowale\nNurse", "Oyelaran Adebowale"),
        ("# Zbigniew Wrona\nz.wrona@example.org\n\nExperience\nLed a team", "Zbigniew Wrona"),
        ("WROTHAM, Perdita\nperdita@example.org\nExperience", "Perdita"),
        ("Reference: Dr. Hollis Umberland, head of unit", "Hollis Umberland"),
        ("Experience\n- Emeka built message queues", "Emeka"),
        ("venkat.iyer@example.in\n\nExperience\n- Reviewed by Venkat weekly", "Venkat"),
        ("Led by Aoife Ní Bhriain", "Aoife Ní Bhriain"),
        ("Filed returns with Trần Văn Minh", "Trần Văn Minh"),
        ("Managed by Mme Lefebvre-Duval", "Lefebvre-Duval"),
        ("Born | 4th of July 1979, Penzance", "1979"),
        ("siobhan.w at example dot ie", "siobhan.w at example dot ie"),
        ("Geburtsdatum: 12.03.1985", "12.03.1985"),
        ("Built Excel reports, see janedoe.com", "janedoe.com"),
        ("Built Excel reports, github janedoe42", "janedoe42"),
        ("PAN ABCDE1234F, SAP payroll", "ABCDE1234F"),
        ("IBAN DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00"),
        ("paid to NO93 8601 1117 947 and GB29NWBK60161331926819", "GB29NWBK60161331926819"),
        ("CURP RJLP834133NXLETHAW79 for the form", "RJLP834133NXLETHAW79"),
        ("National Insurance number QQ 12 34 56 P", "QQ 12 34 56 P"),
        ("dob 12/03/71, built Excel", "12/03/71"),
        ("(born 13 January 1955)", "13 January 1955"),
        ("At the age of 23 built a shop", "age of 23"),
        ("Excel at 54, still running", "at 54"),
        ("ran SAP at Kungsgatan 12, 111 43 Stockholm", "Kungsgatan 12, 111 43 Stockholm"),
        ("Prinsengracht 263, 1016 GV Amsterdam", "Prinsengracht 263, 1016 GV Amsterdam"),
        ("Karl-Marx-Straße 12a, 10243 Berlin", "Karl-Marx-Straße 12a, 10243 Berlin"),
        ("2 Hill Road, Newcastle upon Tyne", "2 Hill Road, Newcastle upon Tyne"),
        ("3 High Street, St. Albans AL1 3AA", "3 High Street, St. Albans AL1 3AA"),
        ("12 rue du marché, 75001 Paris", "12 rue du marché, 75001 Paris"),
        ("Via dell'Argine Vecchio 31, 44100 Ferrara", "Via dell'Argine Vecchio 31, 44100 Ferrara"),
        ("Sam Lee\n\nSummary\nA cook.\nLeeds | 0113 496 0000 | sam@example.org", "Leeds"),
        ("sam lee\n\nexperience\n- sam lee built carts with peter schmidt", "peter schmidt"),
        ("experience\n- sam lee built carts with sean o'brien-diaz", "sean o'brien-diaz"),
        ("oyelaran adebowale\nclerk\nexperience\n- asked oyelaran's clients", "oyelaran adebowale"),
    ],
)
def test_personal_data_is_found(text: str, part: str) -> None:
    assert _covered(text, part)


@pytest.mark.parametrize(
    "text",
    [
        "Worked there 2015-2019 and 2019 - 2021.",
        "Handled 1 250 000 records in 06/2018 - 07/2020.",
        "Senior Backend Engineer\nBuild services with Node.js and ASP.NET.",
        "Apache Kafka and Ruby on Rails",
        "Cut costs by 30.5% in 2023.",
        "Experience\n- Successfully led audits.\n- Docker replaced old servers.\n- Also trained cooks.",
        "Used draw.io, socket.io, asp.net and Vue.js; a B.Com of 2012, e.g. in tax.",
        "Expired in 2021, place booked for March. Laid 14 place settings for each table, with SAP.",
        "- Monitoring 24 servers, Engineering 101, Fire Brigade 2015 and GitHub Actions",
        "- Via email for 12 clients with ISO 9001, EN14 2015 and IFRS 9",
        "experience\n- wrote grant applications, bill payments and mark schemes",
    ],
)
def test_dates_figures_titles_and_tools_are_not_personal(text: str) -> None:
    assert find_personal(text) == []


def _evidence(interview: Interview) -> list[Evidence]:
    items = interview.plan.items
    return [e for item in items for e in (item.job_evidence, item.resume_evidence) if e is not None]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["Marisol Quintanilla", "Oyelaran Adebowale", "Zbigniew Wrona", "Nguyễn Thị Hạnh"]),
    phone=st.sampled_from(["+44 20 7946 0991", "(415) 555-2671", "+49 30 1234567"]),
    line=st.integers(0, 12),
)
def test_quotes_are_exact_and_free_of_personal_data_wherever_it_is_inserted(
    job: Document, resume: Document, name: str, phone: str, line: int
) -> None:
    mail = "q.canary@example.org"
    lines = resume.text.replace("Marisol Quintanilla", name).replace("Marisol", name.split()[0]).split("\n")
    lines.insert(min(line, len(lines)), f"- {name} ran Tableau for {phone}, {mail}, in 2020.")
    changed = document_from_text("\n".join(lines))
    interview = open_interview(job, changed, count=12, style="chat", today=TODAY)
    personal = find_personal(changed.text)
    features = extract_features(job, changed, TODAY)
    shown = [s.resume_evidence for s in features.job_skills + features.other_skills if s.resume_evidence]
    for evidence in (*shown, *features.achievements):
        assert changed.text[evidence.start : evidence.end] == evidence.quote
        assert all(span.end <= evidence.start or evidence.end <= span.start for span in personal)
    sent = repr([interview.prompt(i) for i in interview.open_items]) + repr(_evidence(interview))
    for secret in (*name.split(), phone, mail):
        assert secret not in sent


def test_no_secret_stands_in_anything_that_leaves_the_domain(interview: Interview) -> None:
    questions = [bank_question(interview, item, []) for item in interview.open_items]
    everything = repr(interview) + repr(questions)
    assert not [secret for secret in SECRETS if secret in everything]
    assert pickle.loads(pickle.dumps(interview)) == interview


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Clean driving licence RL391826 since 2012", "RL391826"),
        ("registration NMC 18A3920E held", "18A3920E"),
        ("licence held 2019-2022, registration 2015", None),
        ("ISO registration 9001:2015 and licence class C1E", None),
    ],
)
def test_number_of_a_document_is_personal_wherever_it_stands(text: str, number: str | None) -> None:
    found = [text[span.start : span.end] for span in find_personal(text)]
    assert found == ([number] if number else [])


@pytest.mark.parametrize("name", ["Ruby", "Amadeus"])
def test_name_that_is_a_tool_as_well_is_personal_where_it_does_something(name: str) -> None:
    resume = f"{name} Keller\nLeeds\n\nExperience\n- {name} also trained two clerks.\n- Wrote {name} code.\n"
    found = [s for s in find_personal(resume) if resume[s.start : s.end] == name]
    assert [resume[s.start - 3 : s.end + 5] for s in found] == [f"\n- {name} also"]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (
            "Experience\n- Ran the branch at 14 Market Place, which used SAP for stock, with Excel for it",
            "14 Market Place",
        ),
        (
            "Sam Lee\nRan the branch at 14 Market Place, which used SAP for stock, with Excel for it",
            "14 Market Place",
        ),
        ("Experience\n- Used 14 Market Place, SAP, Excel", "14 Market Place"),
        ("Experience\n- A shop, 12 Rose Street, Leeds, March 2019 – 2021, SAP", "12 Rose Street, Leeds"),
        ("Experience\n- A shop, 12 Rose Street, Leeds, 2019 – 2021, SAP", "12 Rose Street, Leeds"),
        ("Experience\n- P.O. Box 113-00200, Nakuru, used SAP daily", "P.O. Box 113-00200, Nakuru"),
        ("Experience\n- Excel reports for Springfield, IL 62704 and more", "Springfield, IL 62704"),
        ("Experience\n- At 3 Hill Road, I ran SAP", "3 Hill Road"),
    ],
)
def test_address_ends_where_its_town_does(text: str, address: str) -> None:
    found = [text[span.start : span.end] for span in find_personal(text)]
    assert [piece for piece in found if piece != "Sam Lee"] == [address]


def test_skills_beside_an_address_are_no_gap() -> None:
    wanted = document_from_text("Requirements\n- SAP\n- Excel\n")
    resume = document_from_text(
        "Experience\n- Ran the branch at 14 Market Place, which used SAP for stock, with Excel for the rota"
    )
    skills = extract_features(wanted, resume, TODAY).job_skills
    assert {s.name for s in skills if s.resume_evidence} == {"SAP", "Excel"}


@pytest.mark.parametrize(
    ("address", "rest"),
    [
        ("14 Rose Street, Leeds LS1 4DY", ". i then called her. in the end she signed."),
        ("12 Rose Street, Leeds", ", in a shop that I ran for a year, I refunded it."),
    ],
)
def test_answer_keeps_every_word_behind_an_address(address: str, rest: str) -> None:
    text = answer_from_text(f"It was at {address}{rest}").text
    assert text.startswith("It was at") and text.endswith(rest) and "Rose" not in text and "Leeds" not in text


def test_every_canary_is_personal_to_its_last_character() -> None:
    resume = (
        "Ward nurse\n\nExperience\n- Cared for 31 patients a night.\n- Led two clerks.\n\nSkills\nExcel\n"
    )
    for guest in personas(0):
        rest = Haystack(_redacted(planted(resume, [guest] * 4)))
        assert [c.text for c in guest.canaries if rest.holds(c)] == []


def _redacted(text: str) -> str:
    for span in reversed(find_personal(text)):
        text = f"{text[: span.start]} # {text[span.end :]}"
    return text
