#!/usr/bin/env bash
# DVC parses its files in pure Python, several times slower than with the C parser, and parses them again for every
# stage.
#
# With: DVC 3.67.1, ruamel.yaml 0.19.1
# Expected: the C parser, which ruamel.yaml asked for by itself until 0.18 (`ruamel.yaml.clib`).
# Found: since 0.19 the C parser is an extra that DVC does not ask for, and nothing warns. Installing `ruamel.yaml.clib`
# is all that it takes.
# Matters: a `dvc repro` with nothing to do, in a project of thirty stages, spends most of its seconds in the parser.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/env"
uv pip install --quiet --python "$folder/env/bin/python" dvc==3.67.1 ruamel.yaml==0.19.1
cat > "$folder/measure.py" <<'EOF'
import sys
import time

from dvc.utils.serialize import parse_yaml
from ruamel.yaml import YAML

text = "stages:\n" + "".join(
    f"  s{i}:\n    cmd: python train.py --seed {i}\n    outs:\n    - path: models/{i}\n      md5: {'0' * 32}.dir\n      size: {i}\n"
    for i in range(400)
)
start = time.process_time()
parse_yaml(text, "dvc.lock")
in_c = YAML(typ="safe").Parser.__name__ == "CParser"
print("%.2f s of CPU for %d lines, C parser: %s" % (time.process_time() - start, text.count("\n"), in_c))
sys.exit(in_c is not (sys.argv[1] == "with"))
EOF
measure() { "$folder/env/bin/python" "$folder/measure.py" "$1" || { echo "the finding no longer holds"; exit 1; }; }
echo "as installed:"
measure without
uv pip install --quiet --python "$folder/env/bin/python" ruamel.yaml.clib==0.2.15
echo "with ruamel.yaml.clib:"
measure with
