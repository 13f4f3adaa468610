#!/usr/bin/env bash
# DVC 3.67.1 with ruamel.yaml 0.19.1: DVC parses dvc.yaml, dvc.lock and params.yaml in pure Python, several times slower
# than with ruamel.yaml's C parser, and parses them again for every stage.
#
# Until 0.18 ruamel.yaml asked for its C parser (`ruamel.yaml.clib`) by itself; since 0.19 it is an extra that DVC does
# not ask for, and nothing warns. A `dvc repro` with nothing to do, in a project of thirty stages, then spends most of
# its seconds in the parser. Installing `ruamel.yaml.clib` is all that it takes.
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
