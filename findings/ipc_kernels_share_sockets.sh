#!/usr/bin/env bash
# Two Jupyter kernels that are started at the same time over ipc are given the same sockets.
#
# With: jupyter_client 8.10.0
# Expected: sockets of its own for every kernel.
# Found: with `KernelManager.transport = "ipc"` the sockets are files named by a prefix and a number. The prefix is
# asked for before the connection file has its name, so it is "kernel-ipc" for every manager, relative to the working
# folder; the numbers are the first ones that no file has, and a kernel makes its files only when it has started. A
# prefix of one's own avoids it (`KernelManager.ip = "a private folder/kernel"`), which is checked here too.
# Matters: two notebooks that start in one folder within that second talk to each other's kernels. What is seen then
# depends on who comes first: "Invalid Signature", a dead kernel, or a wait without end.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
uv venv --quiet "$folder/env"
uv pip install --quiet --python "$folder/env/bin/python" jupyter_client==8.10.0
cd "$folder"
env/bin/python - <<'EOF'
import json
from importlib.metadata import version
from pathlib import Path

from jupyter_client import KernelManager


def sockets(**settings):
    """What a manager tells its kernel, at the moment before the kernel would be started."""
    manager = KernelManager(transport="ipc", **settings)
    manager.write_connection_file()
    told = json.loads(Path(manager.connection_file).read_text())
    return [f"{told['ip']}-{told[port]}" for port in told if port.endswith("_port")]


print("jupyter_client", version("jupyter_client"))
first, second = sockets(), sockets()
print("two managers:", first[0], second[0], "...")
assert first == second, "the managers get sockets of their own: the finding no longer holds"
first, second = (sockets(ip=str(Path(name, "kernel").absolute())) for name in "ab")
assert not set(first) & set(second)
print("both kernels are told the same five sockets; with an `ip` each, none is shared")
EOF
