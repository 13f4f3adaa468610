"""The warm parent: a process that has imported what takes seconds to import, and forks one that runs a notebook.

`python -m satsr.pipeline.warm SOCKET` listens until its stdin ends. A request (`warm_door.ask`) is done in a fork: it
takes over the asking process's environment, folder, stdout and stderr. The notebook's kernel is a fork too, made
before anything is started in it, so it begins as clean as a new one: third-party modules are imported, none of this
project is, nothing was run. Only imports are saved: without a warm parent the same command does the same by itself.

It imports whenever nobody asks, so that a study's first stages do not wait for what only later ones need.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

from satsr.pipeline.warm_door import DONE, DOOR

# What stages import, the runner's first. Each is imported in the environment of a kernel.
IMPORTED = (
    "satsr.pipeline.quick_imports",
    "papermill",
    "ipykernel.kernelapp",
    "numpy",
    "pandas",
    "pandas.io.formats.style",
    "pydantic",
    "scipy.ndimage",
    "torch",
    "pyarrow.parquet",
    "pyarrow.dataset",
    "matplotlib.pyplot",
    "seaborn",
    "scipy.stats",
    "lightning_fabric",
    "torchvision",
    "open_clip",
    "diffusers.models.unets.unet_2d",
    "diffusers.models.autoencoders.autoencoder_kl",
    "skimage",
    "lpips",
    "dvclive",
    "rasterio",
)
FORKED_KERNELS = "satsr-forked"  # entry point of `forked_kernel.ForkedProvisioner`
Work = Callable[[], int]


def serve(door: Path) -> Work:
    """Listen at a socket, import in between, and fork for every request.

    Returns:
        In the parent, when stdin has ended, what there is to do: nothing. In a fork, its work, which so is not done
        inside this loop.
    """
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(door))
    listening.listen()
    watched = selectors.DefaultSelector()
    watched.register(listening, selectors.EVENT_READ)
    watched.register(sys.stdin, selectors.EVENT_READ)
    left, forks = list(IMPORTED), set[int]()
    while True:
        ready = [key.fileobj for key, _ in watched.select(0 if left else 1)]
        forks -= {pid for pid in forks if os.waitpid(pid, os.WNOHANG)[0]}
        if sys.stdin in ready:  # nobody writes to it: it has ended
            for pid in forks:
                os.kill(pid, signal.SIGTERM)
            return lambda: 0
        if listening in ready:
            asked, _ = listening.accept()
            gc.freeze()  # a fork that looked through what is imported for garbage would copy all of it
            if pid := os.fork():
                asked.close()
                forks.add(pid)
                continue
            watched.close()
            listening.close()
            return lambda: work_for(asked)
        elif left:
            _import(left.pop(0))


def work_for(asked: socket.socket) -> int:
    """Do what was asked, in a fork of its own, and answer with the exit status."""
    from satsr.pipeline import forked_kernel

    with socket.socket(fileno=asked.detach()) as connection:
        with connection.makefile("rb") as lines:
            _, descriptors, _, _ = socket.recv_fds(connection, 1, 2)
            request = json.loads(lines.readline())
        _take_over(request, descriptors)
        kernel = forked_kernel.prepare()
        if kernel is not None:  # this is the kernel's process
            connection.close()
            return kernel()
        _end_with(connection)
        from satsr.pipeline.notebook import run_here

        status = status_of(lambda: run_here(request["arguments"]))
        with contextlib.suppress(OSError):
            connection.sendall(DONE + b"%d\n" % status)
        return status


def _take_over(request: dict[str, object], descriptors: list[int]) -> None:
    """Become a process of the one that asked: its environment, folder and output."""
    environment = dict(request["environment"])  # type: ignore[call-overload]
    environment.pop(DOOR)
    environment["JUPYTER_DEFAULT_PROVISIONER_NAME"] = FORKED_KERNELS
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(str(request["folder"]))
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    for number, descriptor in enumerate(descriptors, start=1):
        os.dup2(descriptor, number)
        os.close(descriptor)


def _end_with(connection: socket.socket) -> None:
    """Let this process end when the one that asked does."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            connection.recv(1)  # nothing is sent: this returns when the other end is closed
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def _import(name: str) -> None:
    """Import a module; one that is missing, or fails, does so again where it is used, and there it matters."""
    with contextlib.suppress(Exception), warnings.catch_warnings(action="ignore"):
        importlib.import_module(name)


@contextlib.contextmanager
def warm_parent(
    folder: Path, environment: Mapping[str, str], module: str = "satsr.pipeline.warm"
) -> Iterator[dict[str, str]]:
    """Keep a warm parent for a while, and give the environment in which stages find it.

    Where processes cannot safely be forked after such imports (anywhere but on Linux), the environment is returned as
    it is, and stages start by themselves.

    Args:
        folder: the project's root, or a profile's copy of it, whose code is run.
        environment: of the stages.
        module: what is run as the parent.
    """
    if sys.platform != "linux":
        yield dict(environment)
        return
    with tempfile.TemporaryDirectory(prefix="satsr-") as private:
        door = Path(private) / "door"
        command = [sys.executable, "-m", module, str(door)]
        # a kernel's matplotlib draws into its notebook, which is settled when it is imported
        inline = {**environment, "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
        with subprocess.Popen(command, cwd=folder, env=inline, stdin=subprocess.PIPE, start_new_session=True) as parent:
            while not door.exists() and parent.poll() is None:
                time.sleep(0.01)
            try:
                yield {**environment, DOOR: str(door)} if door.exists() else dict(environment)
            finally:
                assert parent.stdin is not None
                parent.stdin.close()  # which ends it


def status_of(work: Work) -> int:
    """Do work and return the status with which Python would end; what it would say at its end is said."""
    try:
        return work()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    return 1


def leave(work: Work) -> NoReturn:
    """Do the work of this process and end it with the status, without taking the interpreter apart.

    A fork would copy what it shares to do so: seconds of work, at the end of which there is nothing. Threads are waited
    for, what is registered with `atexit` is called and output is written, in the order of any Python's end.
    """
    status = status_of(work)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed, or nobody reads it
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    leave(serve(Path(sys.argv[1])))
