"""`silkstream sites`."""

from __future__ import annotations

import typer

sites_app = typer.Typer(no_args_is_help=True, help="Places and the devices that serve them.")


@sites_app.callback()
def _sites() -> None:
    """Places and the devices that serve them."""
