"""Memory that is used again, once nobody has anything of it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from engine.storage.rooms import Rooms

MIB = 1024 * 1024


def address(room: memoryview) -> int:
    return np.frombuffer(room, np.uint8).ctypes.data


def test_a_room_is_used_again_for_what_is_about_as_large():
    rooms = Rooms(8 * MIB)
    room = rooms.take(4 * MIB)
    first = address(room)
    del room
    other = rooms.take(2 * MIB)
    assert address(other) != first, "half of it would stay empty"
    again = rooms.take(4 * MIB - 100)
    assert (address(again), again.nbytes) == (first, 4 * MIB - 100)


def test_a_room_is_nobody_elses_while_arrow_has_a_part_of_it():
    rooms = Rooms(8 * MIB)
    room = rooms.take(2 * MIB)
    room[:] = bytes([7]) * room.nbytes
    held = pa.py_buffer(room[MIB : MIB + 8]).slice(2)
    first = address(room)
    del room
    other = rooms.take(2 * MIB)
    assert address(other) != first
    other[:] = bytes(other.nbytes)
    assert held.to_pybytes() == bytes([7] * 6)
    del held
    assert address(rooms.take(2 * MIB)) == first


def test_no_more_stays_idle_than_is_said():
    rooms = Rooms(5 * MIB)
    taken = [rooms.take(2 * MIB) for _ in range(4)]
    addresses = {address(room) for room in taken}
    del taken
    assert rooms.idle_nbytes == 4 * MIB
    assert {address(rooms.take(2 * MIB))} <= addresses
    rooms.clear()
    assert rooms.idle_nbytes == 0
