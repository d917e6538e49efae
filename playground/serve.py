"""Serve the page from this process, and run the sampling on Ray Serve replicas, here or on many machines.

python -m playground.serve --replicas 2 --max-replicas 8 --gpus-per-replica 1 --address auto
"""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import ExitStack

from playground.environment import bypass_proxies, prepare_environment

prepare_environment()

from playground.command_line import add_address_options, check_address, in_range
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
    parser.add_argument("--replicas", type=in_range(int, 1), default=2, help="how many sample, each in its own process")
    parser.add_argument("--max-replicas", type=in_range(int, 1), help="how many at most (default: as --replicas)")
    parser.add_argument(
        "--gpus-per-replica", type=in_range(float, 0), default=0.0, help="1, or less for several on each GPU"
    )
    parser.add_argument(
        "--address", help="a Ray that runs already, auto for the one on this machine (default: start one here)"
    )
    parser.add_argument(
        "--model", action="append", help="a folder with a network, or its name on the Hub (default: all in weights/)"
    )
    parser.add_argument("--no-accelerate", action="store_true", help="run on plain PyTorch, which is slower")
    add_address_options(parser)
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
            check_address(args.host, args.port)
            bypass_proxies(args.host)
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
