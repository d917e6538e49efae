"""Train a network to predict noise: Algorithm 1 of Ho et al. 2020 (arXiv:2006.11239).

    python -m playground.train --data digits --out weights/digits --num-images 400000
    python -m playground.train --data my/photographs --size 32 --out networks/mine

Under `accelerate launch -m playground.train …` the same command runs on many GPUs.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import math
import shlex
import sys
import time
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import torch
from accelerate import Accelerator
from diffusers import DDPMScheduler
from diffusers.training_utils import EMAModel
from torch import Tensor
from tqdm import tqdm

from playground.command_line import in_range, replace_unprintable
from playground.core.data.augmentation import augment
from playground.core.data.datasets import ImageDataset, save_if_changed
from playground.core.data.image_folders import load_training_images
from playground.core.diffusion.schedules import linear
from playground.training.loss import loss
from playground.training.model_card import write_card
from playground.training.unet import load_network, new_network

STATE_FILE = "training_state.pt"
"""The state of a run, in its --out."""


def drop_labels(labels: Tensor, null_label: int, share: float) -> Tensor:
    """Label dropout for classifier-free guidance: replace labels by 'no label' at random.

    Args:
        labels: labels, int64 (B,).
        null_label: the label that means 'no label'.
        share: probability that a label is replaced, 0 to 1.

    Returns:
        Labels, (B,).

    References:
        Ho & Salimans 2022, algorithm 1 (arXiv:2207.12598).
    """
    return torch.where(torch.rand(len(labels)) < share, null_label, labels)


def learning_rate(step: int, total: int, peak: float) -> float:
    """Learning rate schedule: 200 steps of linear warm-up, and a half cosine that falls to 0 at the end.

    Args:
        step: the step, from 0.
        total: the number of steps in the run.
        peak: the peak learning rate.

    Returns:
        The learning rate of this step.
    """
    return peak * min(1, (step + 1) / 200) * 0.5 * (1 + math.cos(math.pi * step / total))


class TrainingRun:
    """A training run: the network, its exponential moving average (EMA) and its optimizer, at a step.

    Args:
        args: the options of the command line.
        pictures: the dataset to train on.
    """

    def __init__(self, args: argparse.Namespace, pictures: ImageDataset) -> None:
        self.args, self.pictures, self.may_mirror = args, pictures, pictures.can_flip
        self.accelerator = Accelerator(mixed_precision=args.precision, cpu=args.device == "cpu")
        torch.manual_seed(args.seed)
        self.started_from: dict[str, Any] | None = None
        if args.init_from:
            unet, self.started_from = load_network(Path(args.init_from), pictures)
        else:
            unet = new_network(pictures, args.channels, args.layers)
        self.ema = EMAModel(unet.parameters(), decay=args.ema, use_ema_warmup=False, foreach=True)
        optimizer = torch.optim.AdamW(unet.parameters(), lr=args.lr, weight_decay=0)
        self.unet, self.optimizer = self.accelerator.prepare(unet, optimizer)
        self.ema.to(self.accelerator.device)
        self.schedule = linear(1000)
        self.batch = args.batch * self.accelerator.num_processes
        self.total = math.ceil(args.num_images / self.batch)
        self.step = 0
        self.state_file = Path(args.out) / STATE_FILE

    def train(self) -> None:
        """Train from the current step to the last; save every `--checkpoint-seconds` seconds and at the end."""
        saved = time.monotonic()
        losses: list[float] = []
        bar = tqdm(total=self.total * self.batch, initial=self.step * self.batch, unit=" pictures", mininterval=1)
        while self.step < self.total:
            losses = [*losses[-99:], self.train_step()]
            bar.update(self.batch)
            bar.set_postfix(loss=f"{sum(losses) / len(losses):.4f}", refresh=False)
            if time.monotonic() - saved > self.args.checkpoint_seconds:
                self.save()
                saved = time.monotonic()
        bar.close()
        self.save()

    def train_step(self) -> float:
        """Make one optimization step and return its loss."""
        # Every step and process has its own seed, so a resumed run continues exactly as an uninterrupted one.
        number = self.step * self.accelerator.num_processes + self.accelerator.process_index
        torch.manual_seed(((self.args.seed << 40) + number) % 2**63)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self.total, self.args.lr)
        index = torch.randint(self.pictures.training.stop, (self.args.batch,))
        x0 = augment(self.pictures.x0(index), self.may_mirror[index], self.args.augment).to(self.accelerator.device)
        labels = self.pictures.labels_at(index)
        if labels is not None:
            labels = drop_labels(labels, len(self.pictures.label_names), self.args.label_dropout).to(x0.device)
        with self.accelerator.autocast():
            value = loss(self.unet, self.schedule, x0, labels, self.args.snr_weight)
        self.accelerator.backward(value)
        self.accelerator.clip_grad_norm_(self.unet.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.ema.step(self.unet.parameters())
        self.step += 1
        return value.item()

    def _identity(self) -> dict[str, Any]:
        """What a run and the one that resumes it have in common."""
        args, pixels = self.args, self.pictures.pixels
        return {
            "data": f"{self.pictures.name}, {hashlib.sha256(pixels.numpy().tobytes()).hexdigest()[:8]}",
            "size": list(pixels.shape[1:]),
            "channels": args.channels,
            "layers": args.layers,
            "batch": self.batch,
            "seed": args.seed,
        }

    def resume(self) -> None:
        """Resume the run from its last checkpoint.

        Raises:
            FileNotFoundError: if there is none.
            ValueError: if it is damaged, or belongs to a run with other data, another network or another seed. The
                message is written for users.
        """
        if not self.state_file.is_file():
            raise FileNotFoundError(f"There is nothing to resume: {self.state_file} is not there.")
        try:
            state = torch.load(self.state_file, map_location=self.accelerator.device)
            before = state["identity"]
        except Exception as error:  # many types
            raise ValueError(f"{self.state_file} is damaged or of an older version: train without --resume.") from error
        for name, value in self._identity().items():
            if before.get(name) != value:
                raise ValueError(
                    f"{self.state_file} belongs to another run: its {name} was {before.get(name)}, and here it is "
                    f"{value}. Give the same options, another --out, or train without --resume."
                )
        self.accelerator.unwrap_model(self.unet).load_state_dict(state["unet"])
        self.ema.load_state_dict(state["ema"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.started_from = state["step"], state["started_from"]

    def save(self) -> None:
        """Write the run's state, and the averaged network with its scheduler and card, into `--out`."""
        if not self.accelerator.is_main_process:
            return
        self.state_file.parent.mkdir(parents=True, exist_ok=True)
        partial = self.state_file.with_suffix(".partial")
        unet: Any = self.accelerator.unwrap_model(self.unet)
        state = {"unet": unet.state_dict(), "ema": self.ema.state_dict(), "optimizer": self.optimizer.state_dict()}
        state |= {"step": self.step, "started_from": self.started_from, "identity": self._identity()}
        torch.save(state, partial)
        partial.replace(self.state_file)  # atomic, so that a run killed here keeps its last checkpoint

        out = Path(self.args.out)
        save_if_changed(self.pictures, out)  # the app shows a network with its training set
        self.ema.store(unet.parameters())
        self.ema.copy_to(unet.parameters())
        copy.deepcopy(unet).half().save_pretrained(out / "unet")  # the rounding is far below the network's own error
        self.ema.restore(unet.parameters())
        scheduler: Any = DDPMScheduler()  # its defaults are linear(1000)
        scheduler.save_pretrained(out / "scheduler")
        command = shlex.join(["python", "-m", "playground.train", *sys.argv[1:]])
        write_card(out, self.pictures, command, self.step * self.batch, self.started_from)


def main(argv: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m playground.train", description=__doc__.splitlines()[0])
    count, share, weight = in_range(int, 1), in_range(float, 0, 1), in_range(float, 0)
    parser.add_argument("--data", default="digits", help="a folder of pictures, a name in weights/ or a Hub data set")
    parser.add_argument("--size", type=int, help="pixels a side that pictures not made ready yet are brought to (32)")
    parser.add_argument("--out", required=True, help="folder for the network, its scheduler and its card")
    parser.add_argument("--num-images", "--pictures", type=count, default=400_000, help="images in this run")
    parser.add_argument("--init-from", "--start", help="folder of a network to train further (default: a new network)")
    parser.add_argument("--channels", type=count, nargs="+", default=[40, 64, 96], help="of each level of the UNet")
    parser.add_argument("--layers", type=count, default=1, help="residual blocks a level")
    parser.add_argument("--batch", type=count, default=64, help="pictures a step and process")
    parser.add_argument("--lr", type=weight, default=1e-3, help="peak learning rate")
    parser.add_argument("--ema", type=share, default=0.9995, help="decay of the moving average that is kept")
    parser.add_argument("--label-dropout", "--drop-label", type=share, default=0.1, help="share of labels left out")
    parser.add_argument("--snr-weight", "--tilt", type=weight, default=0, help="weight of the error at low SNR")
    parser.add_argument("--augment", "--vary", type=share, default=0, help="share of images that are augmented")
    parser.add_argument("--precision", choices=["no", "bf16", "fp16"], default="no", help="of the arithmetic")
    parser.add_argument("--device", choices=["cpu"], help="keep off the accelerator")
    parser.add_argument(
        "--checkpoint-seconds", "--save-every", type=weight, default=180, help="seconds between checkpoints"
    )
    parser.add_argument("--seed", type=in_range(int, 0), default=0)
    parser.add_argument("--resume", action="store_true", help=f"go on from the last checkpoint, {STATE_FILE} in --out")
    args = parser.parse_args(argv)
    replace_unprintable()
    try:  # now, and not after minutes of training
        Path(args.out).mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=args.out):
            pass
    except OSError as error:
        parser.error(f"Nothing can be written into {args.out}: {error.strerror}.")
    try:
        pictures = load_training_images(args.data, args.size, args.seed)
        labels = ", ".join(pictures.label_names) or "none"
        print(f"{pictures.source}\nheld out: {pictures.num_held_out:,}; (C, H, W): {pictures.shape}; labels: {labels}")
        run = TrainingRun(args, pictures)
        if args.resume:
            run.resume()
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    run.train()


if __name__ == "__main__":
    main()
