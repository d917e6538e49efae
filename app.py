"""Build the app and launch it."""

import argparse
import importlib
import os
from importlib.util import find_spec

from playground.environment import bypass_proxies, prepare_environment

prepare_environment()

if find_spec("spaces"):
    importlib.import_module("spaces")  # on ZeroGPU it stands in for parts of torch: it comes first

from playground.command_line import add_address_options, check_address
from playground.core.inference.batching import DynamicBatcher, batched_and_accelerated
from playground.core.model_registry import ModelRegistry
from playground.ui import ZERO, build_app, launch_options


def in_terminal(done: int, total: int) -> None:
    """How far a download is, on one line."""
    print(f"\rDownloading: {done / 1e6:,.1f} of {total / 1e6:,.1f} MB", end="\n" * (done == total), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="See how a diffusion model works.")
    parser.add_argument(
        "--model", action="append", help="a folder with a network, or its name on the Hub (default: all in weights/)"
    )
    parser.add_argument("--device", help="cuda, mps or cpu (default: the first of them that is there)")
    parser.add_argument("--no-accelerate", action="store_true", help="run on plain PyTorch, which is slower")
    add_address_options(parser)
    parser.add_argument(
        "--hub-field",
        action="store_true",
        default=os.environ.get("PLAYGROUND_HUB_FIELD", "") not in ("", "0"),
        help="let visitors download networks from the Hub",
    )
    parser.add_argument(
        "--mcp", action="store_true", help="offer the endpoints to agents, too (pip install 'gradio[mcp]')"
    )
    args = parser.parse_args()
    if args.mcp and not find_spec("mcp"):
        parser.error("--mcp needs a package that is not here: pip install 'gradio[mcp]'.")
    try:
        check_address(args.host, args.port)
        bypass_proxies(args.host)
        if ZERO:  # its processes are forked from this one, which therefore has no worker and no engine at work
            library = ModelRegistry(args.model, "cpu", in_terminal)
        else:
            library = ModelRegistry(
                args.model, args.device, in_terminal, DynamicBatcher if args.no_accelerate else batched_and_accelerated
            )
        app = build_app(library, hub_field=args.hub_field)
    except (ValueError, FileNotFoundError) as error:
        parser.error(str(error))
    app.launch(server_name=args.host, server_port=args.port, mcp_server=args.mcp, **launch_options())


if __name__ == "__main__":
    main()
