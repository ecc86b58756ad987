from .alerts import draw_alerts
from .schema import SCHEMA

__all__ = ["SCHEMA", "draw_alerts"]
