#!/usr/bin/env bash
# `dvc repro` of a stage that has run well fails, and its result is not recorded, when another DVC process holds the
# repository's lock at the moment when the command ends.
#
# With: DVC 3.67.1
# Expected: that DVC waits for the lock: several `dvc repro --single-item` side by side are the documented way to run
# stages in parallel.
# Found: DVC lets go of the lock while a command runs and takes it again afterwards, trying for three seconds only.
# Another process holds it whenever it hashes, or links, a large output. `dvc --wait-for-lock repro` waits, which is
# checked here too.
# Matters: after hours of training the stage counts as never run.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/env"
uv pip install --quiet --python "$folder/env/bin/python" dvc==3.67.1
export PATH="$folder/env/bin:$PATH"
mkdir "$folder/project"
cd "$folder/project"
dvc init --quiet --no-scm
dvc config core.analytics false
cat > dvc.yaml <<'EOF'
stages:
  train:
    cmd: touch began && sleep 4 && echo trained > model
    outs: [model]
EOF
hold='import time
from pathlib import Path
from dvc.repo import Repo
while not Path("began").exists():
    time.sleep(0.1)
with Repo().lock:
    time.sleep(10)'

try() {
  rm -rf began model dvc.lock .dvc/cache
  python -c "$hold" &
  "$@" > log 2>&1 && status=0 || status=$?
  wait
  echo "$*: exit status $status, model written: $(test -f model && echo yes || echo no), in dvc.lock: $(test -f dvc.lock && echo yes || echo no)"
}
dvc --version
try dvc repro
grep -m1 "Unable to acquire lock" log
test "$status" -ne 0 && test ! -f dvc.lock || { echo "it was recorded: the finding no longer holds"; exit 1; }
try dvc --wait-for-lock repro
test "$status" -eq 0 && test -f dvc.lock
