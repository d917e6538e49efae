"""Player component; its markup, style and scripts lie beside it."""

from playground.ui.components.player.player import build_player, film_update

__all__ = ["build_player", "film_update"]
