#!/bin/sh
# All of fine-tuning on a GPT-J so small that it takes two minutes: the same commands as in earnest.
#
#   finetune/runs/tiny.sh [FOLDER]
#
# Questions of twelve roles; a GPT-J of our own; an adapter for it, trained, killed and gone on with; both converted,
# certified and compared; and made-up reviewers' preferences. What it writes is worth nothing but the proof.
set -eu
cd "$(dirname "$0")/../.."
PATH="${BIN:-$PWD/.venv-torch/bin}:$PATH"
OUT=${1:-$(mktemp -d)}
mkdir -p "$OUT/roles"
# Twelve, so that two are held out.
for role in $(ls finetune/data/roles | head -n 12); do
  cp -r "finetune/data/roles/$role" "$OUT/roles"
  head -n 60 "finetune/data/roles/$role/questions.tsv" >"$OUT/roles/$role/questions.tsv"
done

askwell-finetune data --roles "$OUT/roles" --canaries 4 --out "$OUT/questions"

cat >"$OUT/scratch.toml" <<EOF
data = "$OUT/questions"
roles = "$OUT/roles"
out = "$OUT/small"
device = "cpu"
shape = { layers = 2, width = 64, heads = 4, vocabulary = 2048 }
schedule = { steps = 20 }
watch = { validation_examples = 32 }
EOF
askwell-finetune scratch "$OUT/scratch.toml"

cat >"$OUT/train.toml" <<EOF
model = "$OUT/small/run/model"
data = "$OUT/questions"
out = "$OUT/tuned"
device = "cpu"
schedule = { steps = 24, learning_rate = 5e-3 }
watch = { validation_examples = 32, checkpoint_every = 2, validate_every = 8 }
EOF
askwell-finetune train "$OUT/train.toml" &
TRAINING=$!
until ls -d "$OUT"/tuned/checkpoints/step-* >/dev/null 2>&1 || ! kill -0 $TRAINING 2>/dev/null; do sleep 0.1; done
kill -KILL $TRAINING 2>/dev/null || true
STATUS=0
wait $TRAINING || STATUS=$?
# 128 + 9: it died of that.
[ $STATUS -eq 137 ] || { echo "the training run was over, with exit code $STATUS, before it was killed" >&2; exit 1; }
echo "killed, and goes on:"
askwell-finetune train "$OUT/train.toml" --resume

SOURCE=$OUT/small/run/model
askwell-convert "$SOURCE" "$OUT/served/untuned"
askwell-convert "$SOURCE" "$OUT/served/tuned" --adapter "$OUT/tuned/adapter"
# Exit code 1, here and below: it is done, and falls short of what is asked in earnest.
askwell-convert certify "$OUT/served/tuned" --reference "$SOURCE" --adapter "$OUT/tuned/adapter" \
  --text "$OUT"/roles/*/job.md || [ $? -eq 1 ]
askwell-finetune eval --base "$OUT/served/untuned" --tuned "$OUT/served/tuned" --data "$OUT/questions" \
  --roles "$OUT/roles" --blind "$OUT/blind.html" --out "$OUT/evaluation" || [ $? -eq 1 ]

# Made-up reviewers: each found an opening with one word behind it, and wrote the question out.
python - "$OUT" <<'EOF'
import json
import sys
from pathlib import Path

out = Path(sys.argv[1])
with (out / "reviews.jsonl").open("w", encoding="utf-8") as reviews:
    for split in ("train", "validation", "test"):
        for line in (out / "questions" / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()[::6]:
            told = json.loads(line)
            short = told.get("opening", "Say") + " " + told["question"].split()[-1]
            review = {key: told[key] for key in ("features", "item", "opening") if key in told}
            review |= {"before": short, "after": told["question"], "decision": "edited"}
            reviews.write(json.dumps(review) + "\n")
EOF
cat >"$OUT/prefer.toml" <<EOF
model = "$OUT/small/run/model"
start = "$OUT/tuned/adapter"
reviews = "$OUT/reviews.jsonl"
out = "$OUT/preferred"
device = "cpu"
schedule = { steps = 8, learning_rate = 1e-3 }
EOF
askwell-finetune prefer "$OUT/prefer.toml"
askwell-convert "$SOURCE" "$OUT/served/preferred" --adapter "$OUT/preferred/adapter"
echo "all of it is in $OUT"
