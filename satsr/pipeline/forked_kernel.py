"""A notebook's kernel as a fork of the process that runs the notebook, in place of a new interpreter."""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning import LocalProvisioner


class WaitingKernel:
    """A fork that waits for the command of a kernel, and then is that kernel.

    It looks like a `subprocess.Popen` to Jupyter.

    Attributes:
        pid: of the fork.
        returncode: its exit status, negative for a signal; None while it lives.
    """

    stdin = stdout = stderr = None  # it writes to those of its parent

    def __init__(self, pid: int, told: int) -> None:
        self.pid, self._told = pid, told
        self.returncode: int | None = None

    def start(self, command: list[str], environment: dict[str, str], folder: str) -> None:
        """Tell it which kernel to be."""
        text = json.dumps({"command": command, "environment": environment, "folder": folder})
        with open(self._told, "w") as pipe:
            pipe.write(text)

    def poll(self) -> int | None:
        """Return its exit status, or None while it lives."""
        return self._wait(os.WNOHANG)

    def wait(self) -> int | None:
        """Return its exit status when it has ended."""
        return self._wait(0)

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def _wait(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode


class ForkedProvisioner(LocalProvisioner):
    """Starts a kernel in the fork that waits, the first time; after that as any kernel is started."""

    waiting: WaitingKernel | None = None  # of this process

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Launch a kernel with a command."""
        kernel, ForkedProvisioner.waiting = ForkedProvisioner.waiting, None
        if kernel is None:
            return await super().launch_kernel(cmd, **kwargs)
        kernel.start(cmd, kwargs["env"], str(kwargs.get("cwd") or Path.cwd()))
        self.process, self.pid, self.cwd = kernel, kernel.pid, kwargs.get("cwd", Path.cwd())  # type: ignore[assignment]
        return self.connection_info


def prepare() -> Callable[[], int] | None:
    """Fork a waiting kernel, before anything else has been started in this process.

    Returns:
        None in this process; in the fork what it has to do, which ends when the kernel does.
    """
    heard, told = os.pipe()
    if pid := os.fork():
        os.close(heard)
        ForkedProvisioner.waiting = WaitingKernel(pid, told)
        return None
    os.close(told)
    return lambda: _be_kernel(heard)


def _be_kernel(heard: int) -> int:
    with open(heard) as pipe:
        text = pipe.read()
    if not text:  # the notebook never got so far
        return 0
    asked = json.loads(text)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    _forget_what_was_drawn()
    for name in [name for name in sys.modules if name.split(".")[0] == "satsr"]:
        del sys.modules[name]  # a notebook finds none of this project imported
    _, _, module, *rest = asked["command"]  # python -m ipykernel_launcher -f FILE
    # the kernel's parent is known when ipykernel is imported, which was too early here
    sys.argv = [module, *rest, f"--IPKernelApp.parent_handle={os.getppid()}"]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return 0


def _forget_what_was_drawn() -> None:
    """Let the global generators of NumPy and PyTorch begin anew, as in a new process; all forks would draw alike."""
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()
