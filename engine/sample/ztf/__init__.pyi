from .added import AddedValues
from .kinds import KINDS
from .packets import Packets, draw_packets
from .schema import PROFILES, Profile, nearest_profile
from .sky import draw_batch
from .stamps import StampPool

__all__ = [
    "KINDS",
    "PROFILES",
    "AddedValues",
    "Packets",
    "Profile",
    "StampPool",
    "draw_batch",
    "draw_packets",
    "nearest_profile",
]
