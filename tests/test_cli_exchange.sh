#!/bin/sh
# test_cli_exchange.sh PROGRAM - `seqgpu import` and `seqgpu export` from the outside, with the files of goldens/exchange.
goldens=$(cd "$(dirname "$0")" && pwd)/goldens/exchange
. "$(dirname "$0")/cli.sh"

import() { "$seqgpu" import "$@" --device cpu --threads 1; }
export_to() { "$seqgpu" export "$@" --device cpu --threads 1; }
says() { # PATTERN COMMAND...: what it prints has it
  pattern=$1
  shift
  "$@" 2>&1 | grep -q -- "$pattern"
}

for command in import export; do
  check "seqgpu $command --help" says "^usage: seqgpu $command" "$seqgpu" $command --help
done
check "import --formats" says "^pytorch *read, write" import --formats
if import "$goldens/model.nam" --list 2>&1 | grep -q "has no cJSON"; then
  skip "import and export" "this build has no cJSON"
  finish_cli
  exit
fi

# ---------------------------------------------------------------- there and back

check "a state dict is listed" says "^decoder: gru, 4 -> 3, 1 layer, 75 parameters" import "$goldens/torch.safetensors" --list
check "with what is left" says '^left: array "words.weight"' import "$goldens/torch.safetensors" --list
check "as JSON" says '^{"format": "pytorch", "networks": \[{"name": "decoder".*]}$' import "$goldens/torch.safetensors" --list --json
check "imported whole" import "$goldens/torch.safetensors" --to all.st
check "the checkpoint describes its networks" says "^encoder: lstm, 3 -> 4, 2 layers, two directions" import all.st --list
check "one network alone" import "$goldens/torch.safetensors" --network relu --activation relu --to relu.st
check "its activation is kept" says "activation=relu" "$seqgpu" inspect --checkpoint relu.st
check "exported to PyTorch" export_to all.st --network decoder --name decoder --to torch.st --format pytorch
check "the same numbers" says "^decoder: gru, 4 -> 3" import torch.st --list
check "an amp as a checkpoint" import "$goldens/model.nam" --to amp.st
check "and back" export_to amp.st --to amp.nam --format nam
check "and again: the same bytes" sh -c '"$1" import amp.nam --to b.st && "$1" export b.st --to b.nam --format nam && cmp amp.nam b.nam' sh "$seqgpu"
check "straight from one format to another" export_to "$goldens/aidax.json" --to x.nam --format nam

# ---------------------------------------------------------------- a model that the program trained

printf 'abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc' >text
check "a trained model" "$seqgpu" train charlm --text text --steps 2 --batch 2 --seq-len 4 --hidden 5 --layers 2 --device cpu \
  --threads 1 --checkpoint model
check "is exported" export_to model --to model.st --format pytorch --name ""
check "under PyTorch's names" says '^(no name): lstm, .* -> 5, 2 layers' import model.st --list
check "what is no network is left" says '^left: array "output.bias"' import model --list

# ---------------------------------------------------------------- what is refused

echo precious >kept
refused "import without a file" 2 "the file to read is missing" import --to x
refused "import without --to" 2 "to is missing" import "$goldens/model.nam"
refused "a file that is not there" 1 "no/such" import no/such --to kept
refused "a file of no format" 1 "no format" import "$goldens/make_exchange.py" --to kept
refused "an unknown format" 1 "must be one of" import "$goldens/model.nam" --format caffe --to kept
refused "an unknown network" 2 "the file has decoder, elman" import "$goldens/torch.safetensors" --network no --to kept --force
refused "export without --format" 2 "format is missing" export all.st --to kept
refused "export without the model" 2 "model is missing" export --to kept --format nam
refused "one of several networks" 2 "network: is missing" export all.st --to kept --format pytorch
refused "a network that does not fit" 1 "one direction" export all.st --network encoder --to unfit.json --format rtneural
refused "a file of another kind is there" 1 "no file of format rtneural" export all.st --network encoder --to kept --format rtneural --force
check "nothing was overwritten" grep -q precious kept
finish_cli
