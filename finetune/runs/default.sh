#!/bin/sh
# The default adapter, from nothing to adapters/smollm2-135m-interviewer: fetch, data, train, convert, evaluate.
#
#   make .venv-torch/.dev && finetune/runs/default.sh
#
# Two hours on two cores. What is there already is not made again, so a run that was killed goes on.
# PEOPLE=FILE.csv: real questions (columns question and followUp), to measure perplexity on as well.
set -eu
cd "$(dirname "$0")/../.."
PATH="${BIN:-$PWD/.venv-torch/bin}:$PATH"
WORK=models/finetune                 # as finetune/runs/default.toml has it
ADAPTER=$WORK/default/adapter
ENCODER=models/all-minilm-l6-v2
SHIPPED=adapters/smollm2-135m-interviewer

python examples/default_model.py
python examples/encoder.py
SOURCE=$(python examples/default_model.py --path)

stop() {
  echo "finetune/runs/default.sh: $1" >&2
  exit 2
}

# What is there already is used again only if it is of what it would be made of now.
PROMPT='import json, sys; from askwell_interview.prompt import prompt_version as present
sys.exit(json.load(open(sys.argv[1], "rb"))["settings"].get("prompt") != present())'
if [ -f $WORK/questions/card.json ]; then
  python -c "$PROMPT" $WORK/questions/card.json ||
    stop "$WORK/questions was made with other prompts than the present ones: remove $WORK and begin anew"
else
  askwell-finetune data --roles finetune/data/roles --encoder $ENCODER --canaries 100 --out $WORK/questions
fi

if [ -d $WORK/default ]; then RESUME=--resume; else RESUME=; fi
askwell-finetune train finetune/runs/default.toml $RESUME

[ -f $WORK/untuned/askwell.json ] || askwell-convert "$SOURCE" $WORK/untuned --calibrate
SHA256=$(sha256sum <$ADAPTER/adapter_model.safetensors | cut -d " " -f 1)
if [ -f $WORK/tuned/askwell.json ]; then
  grep -q "\"adapter_sha256\": \"$SHA256\"" $WORK/tuned/askwell.json ||
    stop "$WORK/tuned was made of another adapter: remove $WORK/tuned, $WORK/evaluation and $WORK/blind.*"
else
  askwell-convert "$SOURCE" $WORK/tuned --name smollm2-135m-interviewer --adapter $ADAPTER --calibrate
fi

# What int8 costs each, on documents that neither was calibrated with; a certificate that fails is written too.
for name in untuned tuned; do
  if [ $name = tuned ]; then MERGED="--adapter $ADAPTER"; else MERGED=; fi
  askwell-convert certify $WORK/$name --reference "$SOURCE" $MERGED \
    --text examples/jobs/*.md examples/resumes/*.txt || [ $? -eq 1 ]
done

# Exit code 1: a criterion was not met; the table says which.
STATUS=0
[ -f $WORK/evaluation/evaluation.json ] ||
  askwell-finetune eval --base $WORK/untuned --tuned $WORK/tuned --data $WORK/questions \
    --roles finetune/data/roles --encoder $ENCODER ${PEOPLE:+--people "$PEOPLE"} \
    --blind $WORK/blind.html --out $WORK/evaluation || STATUS=$?
[ $STATUS -le 1 ] || exit $STATUS

mkdir -p $SHIPPED
cp $ADAPTER/adapter_config.json $ADAPTER/adapter_model.safetensors $SHIPPED/
cp $WORK/default/run.json $WORK/default/curves.svg $WORK/evaluation/evaluation.json $SHIPPED/
cp finetune/runs/default.toml $SHIPPED/config.toml
cp $WORK/questions/card.md $SHIPPED/data-card.md
cp $WORK/questions/card.json $SHIPPED/data-card.json
echo "$SHIPPED is made; its README.md, the model card, is written by hand"
exit $STATUS
