#!/usr/bin/env bash
# Importing nbformat takes several times as long in an environment with JupyterLab.
#
# With: nbformat 5.11.1, jsonschema 4.26.0, rfc3987-syntax 1.1.0, lark 1.3.1
# Expected: an import that costs the same whatever else is installed.
# Found: nbformat imports jsonschema, jsonschema imports whichever checkers of formats it finds, and rfc3987-syntax (of
# jsonschema's extra `format-nongpl`, which jupyter_events asks for) builds a parser of internationalised web addresses
# with lark when it is imported. No notebook's schema asks for that format.
# Matters: every `papermill`, `jupyter nbconvert` and test process pays for it: 2.5 s of CPU on an AMD EPYC core.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
plain="nbformat==5.11.1 jsonschema==4.26.0"
extra="rfc3987-syntax==1.1.0 lark==1.3.1"
for name in plain extra; do
  uv venv --quiet "$folder/$name"
  uv pip install --quiet --python "$folder/$name/bin/python" $plain $([ $name = extra ] && echo "$extra")
  "$folder/$name/bin/python" -c "import nbformat"  # compiles bytecode
done
measure='import sys, time
start = time.process_time()
import nbformat
print("%.2f s of CPU, lark imported: %s" % (time.process_time() - start, "lark" in sys.modules))'
for name in plain extra; do
  echo "$name: $("$folder/$name/bin/python" -c "$measure")"
done
"$folder/extra/bin/python" - <<'EOF'
import sys

import nbformat

assert "lark" in sys.modules, "nbformat no longer imports the parser: the finding no longer holds"
EOF
