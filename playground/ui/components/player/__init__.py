"""The player component: its markup, its style and its script lie beside it."""

from playground.ui.components.player.player import build_player, film_update

__all__ = ["build_player", "film_update"]
