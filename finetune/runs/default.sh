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

[ -f $WORK/questions/card.json ] ||
  askwell-finetune data --roles finetune/data/roles --encoder $ENCODER --canaries 100 --out $WORK/questions

if [ -d $WORK/default ]; then RESUME=--resume; else RESUME=; fi
askwell-finetune train finetune/runs/default.toml $RESUME

[ -f $WORK/untuned/askwell.json ] || askwell-convert "$SOURCE" $WORK/untuned --calibrate
[ -f $WORK/tuned/askwell.json ] || askwell-convert "$SOURCE" $WORK/tuned --name smollm2-135m-interviewer --adapter $ADAPTER --calibrate

# What int8 costs each, on documents that neither was calibrated with; a certificate that fails is written too.
for name in untuned tuned; do
  if [ $name = tuned ]; then MERGED="--adapter $ADAPTER"; else MERGED=; fi
  askwell-convert certify $WORK/$name --reference "$SOURCE" $MERGED \
    --text examples/jobs/*.md examples/resumes/*.txt || [ $? -eq 1 ]
done

# Exit code 1: a criterion was not met; the table says which.
STATUS=0
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
