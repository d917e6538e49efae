"""Serve the page from this process, and run the sampling on Ray Serve replicas, here or on many machines.

python -m playground.serve --replicas 2 --max-replicas 8 --gpus-per-replica 1 --address auto
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import ExitStack

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

from playground.core.inference.batching import DynamicBatcher, batched_and_accelerated
from playground.core.model_registry import ModelRegistry
from playground.ui import build_app, launch_options


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m playground.serve",
        description="See how a diffusion model works, with the sampling on replicas. All have the same networks, those "
        "named here: a field for more of them, as app.py has, there is none.",
    )
    parser.add_argument("--replicas", type=int, default=2, help="how many sample, each in a process of its own")
    parser.add_argument("--max-replicas", type=int, help="up to so many where many sample (default: as --replicas)")
    parser.add_argument("--gpus-per-replica", type=float, default=0.0, help="1, or a part of one for more on each GPU")
    parser.add_argument(
        "--address", help="a Ray that runs already, auto for the one on this machine (default: start one here)"
    )
    parser.add_argument(
        "--model", action="append", help="a folder with a network, or its name on the Hub (default: all in weights/)"
    )
    parser.add_argument("--no-accelerate", action="store_true", help="run on plain PyTorch, which is slower")
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=int(os.environ.get("GRADIO_SERVER_PORT", "7860")))
    args = parser.parse_args()
    fewest, most = args.replicas, args.max_replicas or args.replicas
    engine = DynamicBatcher if args.no_accelerate else batched_and_accelerated
    if not 1 <= fewest <= most:
        parser.error(f"There must be at least 1 replica, and at most as many as --max-replicas; it was {fewest}.")
    try:
        from playground.serving.ray_replicas import ray_cluster, replicas
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "playground":
            raise
        parser.error("Ray Serve is not installed here: pip install 'ray[serve]' brings it.")
    with ExitStack() as stack:
        try:
            ModelRegistry(args.model, "cpu")  # raises before anything is started if a model cannot be found
            stack.enter_context(ray_cluster(args.address, most))
            # SIGTERM ends everything as Ctrl-C does; Ray's own handler would abort and leave processes behind.
            signal.signal(signal.SIGTERM, lambda *_: sys.exit())
            app = build_app(stack.enter_context(replicas(args.model, fewest, most, args.gpus_per_replica, engine)))
        except (ValueError, FileNotFoundError, ConnectionError) as error:
            parser.error(str(error))
        app.launch(server_name=args.host, server_port=args.port, **launch_options())


if __name__ == "__main__":
    main()
