#!/usr/bin/env bash
# nbformat 5.11.1 with jsonschema's extra `format-nongpl` (which jupyter_events, so JupyterLab, asks for): importing
# nbformat takes several times as long, because it compiles a grammar of internationalised web addresses.
#
# nbformat imports jsonschema, jsonschema imports whichever checkers of formats it finds, and rfc3987-syntax builds a
# parser with lark when it is imported. No notebook's schema asks for that format. Every `papermill`, `jupyter nbconvert`
# and test process in a JupyterLab environment pays for it: 2.5 s of CPU on an AMD EPYC core.
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
