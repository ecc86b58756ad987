"""The page's colours, by day and by night; fonts are those of the reader's system, so none are fetched."""

from __future__ import annotations

from typing import Any

__all__ = ["FONTS", "THEME", "button_names"]

FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

# Panel's own icons keep the day's colour in the dark.
_ICON_LOOK = {"props": {"color": "default"}, "style": {"color": "var(--mui-palette-text-secondary)"}}
_ICON_BUTTON: dict[str, Any] = {"styleOverrides": {"root": {"variants": [_ICON_LOOK]}}}


def _theme(
    *, main: str, on_main: str, ground: str, paper: str, ink: str, faint: str, line: str, bad: str
) -> dict[str, Any]:
    # Panel's own title is white, as for a bar of the main colour.
    small = {"@media (max-width: 599.95px)": {"fontSize": "1rem", "lineHeight": 1.2}}
    title = {"color": f"{ink} !important", "fontSize": "1.25rem", "fontWeight": 700, **small}
    bar = {"backgroundColor": paper, "color": ink, "boxShadow": "none", "borderBottom": f"1px solid {line}"}
    return {
        "palette": {
            "primary": {"main": main, "contrastText": on_main},
            "error": {"main": bad},
            "background": {"default": ground, "paper": paper},
            "text": {"primary": ink, "secondary": faint},
            "divider": line,
        },
        "shape": {"borderRadius": 8},
        "typography": {"fontFamily": FONTS, "button": {"textTransform": "none", "fontWeight": 600}},
        "components": {
            "MuiAppBar": {"styleOverrides": {"root": {**bar, "backgroundImage": "none", "& .title": title}}},
            "MuiPaper": {"styleOverrides": {"root": {"backgroundImage": "none"}}},
            "MuiButton": {"defaultProps": {"disableElevation": True}},
            "MuiIconButton": _ICON_BUTTON,
            "MuiLinearProgress": {"defaultProps": {"aria-label": "Progress"}},
            "MuiTypography": {"defaultProps": {"variantMapping": {"h3": "h1"}}},
        },
    }


THEME = {
    "light": _theme(
        main="#1d4fd7",
        on_main="#ffffff",
        ground="#f4f6fb",
        paper="#ffffff",
        ink="#1c1f26",
        faint="#5a6170",
        line="#dde1ea",
        bad="#b3261e",
    ),
    "dark": _theme(
        main="#8fb0ff",
        on_main="#0d1526",
        ground="#10141c",
        paper="#1a202c",
        ink="#eceff6",
        faint="#aab2c3",
        line="#364053",
        bad="#ff9d94",
    ),
}


def button_names(name: str) -> dict[str, Any]:
    """Return the theme for a component whose buttons are icons only, with what a screen reader calls them."""
    named = {"MuiIconButton": _ICON_BUTTON | {"defaultProps": {"aria-label": name}}}
    return {mode: theme | {"components": theme["components"] | named} for mode, theme in THEME.items()}
