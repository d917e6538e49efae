"""Build the app and launch it."""

import argparse
import os
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

from playground.core.library import Library
from playground.ui import build_app, launch_options


def main() -> None:
    parser = argparse.ArgumentParser(description="See how a diffusion model works.")
    parser.add_argument(
        "--model", type=Path, action="append", help="a folder with a network (default: all in weights/)"
    )
    parser.add_argument("--device", help="cuda, mps or cpu (default: the first of them that is there)")
    parser.add_argument("--host", default=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=int(os.environ.get("GRADIO_SERVER_PORT", "7860")))
    args = parser.parse_args()
    try:
        app = build_app(Library(args.model, args.device))
    except (ValueError, FileNotFoundError) as error:
        parser.error(str(error))
    app.launch(server_name=args.host, server_port=args.port, **launch_options())


if __name__ == "__main__":
    main()
