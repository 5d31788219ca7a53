"""A server talks to its clients and to nobody else, whatever it is asked."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
# Asks for everything that reads documents, and prints what came of it.
ASKING = """
import json, sys
from pathlib import Path
from askwell_client import Client

examples = Path(sys.argv[2])
job = examples / "jobs" / "financial-accountant.md"
with Client(sys.argv[1], retries=0) as client:
    for resume in ("financial-accountant.docx", "intensive-care-nurse.pdf"):
        assert client.features(job, examples / "resumes" / resume).features.job_skills
        asked = client.questions(job, examples / "resumes" / resume, count=3, num_return=1).questions
    check = client.check_question("How old are you?")
    follow_up = client.suggest_follow_up(asked[0], "We closed the books in three days and it worked.")
    said = client.generate("The candidate", max_new_tokens=4).samples[0]
print(json.dumps([len(asked), check.allowed, bool(follow_up.text), len(said.text) >= 0]))
"""
DONE = [3, False, True, True]
# Writes down, in every Python process of the server, whom it would talk to.
WATCH = """
import os, sys

def _watch(event, arguments):
    if event.startswith("socket.") and event.removeprefix("socket.") in (
        "connect", "sendto", "getaddrinfo", "gethostbyname", "gethostbyaddr",
    ):
        with open(os.environ["ASKWELL_WATCHED"], "a") as file:
            file.write(f"{event} {arguments[1:] if event == 'socket.connect' else arguments}\\n")

sys.addaudithook(_watch)
with open(os.environ["ASKWELL_WATCHED"], "a") as file:
    file.write("watching\\n")
"""


# $1 server, $2 model, $3 python, $4 asking, $5 folder, $6 examples
RUN = """
ip link set lo up 2>/dev/null
"$1" --model "$2" --port 0 >"$5/out" 2>"$5/err" &
for _ in $(seq 300); do grep -q serving "$5/out" && break; sleep 0.1; done
env -u PYTHONPATH "$3" -c "$4" "$(grep -o '127.0.0.1:[0-9]*' "$5/out")" "$6"
asked=$?
kill %1; wait %1
exit $((asked + $?))
"""


def _without_network() -> list[str]:
    """What runs a command in a network of its own, which has nothing but the loopback; nothing where that
    is not allowed."""
    alone = ["unshare", "--map-root-user", "--net"]
    try:
        allowed = subprocess.run([*alone, "ip", "link", "set", "lo", "up"], capture_output=True)
    except OSError:
        return []
    return [] if allowed.returncode else alone


def test_no_process_of_the_server_asks_for_a_connection_and_none_is_needed(
    tiny_gptj: Path, tmp_path: Path
) -> None:
    """Without a network also what libraries would do beneath Python fails."""
    watched = tmp_path / "watched"
    (tmp_path / "sitecustomize.py").write_text(WATCH)
    server = Path(sys.executable).parent / "askwell-server"
    command = [*_without_network(), "bash", "-mc", RUN, "-"]
    arguments: list[str | Path] = [server, tiny_gptj, sys.executable, ASKING, tmp_path, EXAMPLES]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "ASKWELL_WATCHED": str(watched)}
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=120, env=environment
    )
    assert done.returncode == 0, done.stderr + (tmp_path / "err").read_text()
    assert json.loads(done.stdout) == DONE
    lines = watched.read_text().splitlines()
    assert lines.count("watching") >= 3  # the front, the engine, a domain worker
    # The front looks up its own address before it listens there.
    assert [line for line in lines if line != "watching" and "'127.0.0.1'" not in line] == []
