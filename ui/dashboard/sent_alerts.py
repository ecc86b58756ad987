"""What a job sent, summed up as it flows by: counts and samples in memory that does not grow with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import engine
from ui.dashboard.plots import Bars, Brightness, ClassesOfNights, NightBars, leaf_of, nights_of, photometry_of

__all__ = ["SentAlerts", "Summed", "column_at"]

_MOST_PLACES = 3_000
_MOST_DETECTIONS = 20_000
_MOST_CURVES = 4
_MOST_CLASS_COLUMNS = 3
_LEAST_OF_CURVE = 2


@dataclass(frozen=True, kw_only=True)
class Summed:
    """What is shown of the alerts that came so far."""

    num_alerts: int
    nbytes: int
    """As Arrow holds them."""
    brightness: Bars | None
    """None where the alerts have no field of it."""
    brightness_text: str
    nights: Mapping[str, NightBars]
    """Column of classes -> alerts by night and class; the one entry `""` where there is no such column."""
    places: tuple[Sequence[float], Sequence[float]]
    """Right ascensions and declinations of a random sample, in degrees."""
    curves: Sequence[tuple[str, Mapping[str, Any]]]
    """Objects, each with a row of the kind that `light_curve` draws."""


def column_at(batch: pa.RecordBatch, path: str | None) -> pa.Array | None:
    """Return the column at a path, or, where a content lifts it out, that of the path's last name; None if neither is.

    Parameters
    ----------
    batch
        Alerts.
    path
        As the survey has it: `candidate.magpsf`.
    """
    for names in ((path or "").split("."), [leaf_of(path or "")]):
        column: pa.Array | None = None
        for depth, name in enumerate(names):
            held = batch.schema if depth == 0 else column.type if column is not None else None
            if not isinstance(held, pa.Schema | pa.StructType) or held.get_field_index(name) < 0:
                column = None
                break
            column = batch.column(held.get_field_index(name)) if depth == 0 else pc.struct_field(column, name)
        if column is not None:
            return column
    return None


class SentAlerts:
    """Sums up batches of a topic.

    Parameters
    ----------
    survey
        Whose alerts they are; None if that is not known: then they are counted, no more.
    time_field, time_scale
        Of the job's plan.
    """

    def __init__(self, survey: engine.Survey | None, *, time_field: str, time_scale: str):
        self._survey = survey
        self._time_field = time_field
        self._time_scale = time_scale
        self._num_alerts = self._nbytes = 0
        photometry = photometry_of(survey) if survey else None
        self.unit = photometry.unit if photometry else ""
        self.is_magnitude = bool(photometry and photometry.is_magnitude)
        self._brightness: Brightness | None = None
        self._nights: dict[str, ClassesOfNights] = {}
        self._places = _Places()
        self._curves = _Curves(survey) if survey else None

    @property
    def brightness_name(self) -> str:
        """What the brightness is called."""
        return "magnitude" if self.is_magnitude else "flux"

    def is_below(self, num_alerts: int, nbytes: int) -> bool:
        """Return whether fewer alerts, and fewer bytes of them, came."""
        return self._num_alerts < num_alerts and self._nbytes < nbytes

    def add(self, batch: pa.RecordBatch) -> None:
        """Take further alerts."""
        self._num_alerts += batch.num_rows
        self._nbytes += batch.nbytes
        self._add_nights(batch)
        if self._survey is None or self._curves is None:
            return
        brightness = column_at(batch, self._survey.brightness_field)
        if brightness is not None:
            self._brightness = self._brightness or Brightness(is_magnitude=self.is_magnitude)
            self._brightness.add(_numbers(brightness))
        ra, dec = column_at(batch, self._survey.ra_field), column_at(batch, self._survey.dec_field)
        if ra is not None and dec is not None:
            self._places.add(_numbers(ra), _numbers(dec))
        self._curves.add(batch)

    def _add_nights(self, batch: pa.RecordBatch) -> None:
        times = column_at(batch, self._time_field)
        if times is None:
            return
        nights = nights_of(_numbers(times), self._time_scale)
        columns = dict(self._class_columns(batch))
        for name, labels in columns.items() if columns else [("", None)]:
            counted = self._nights.setdefault(name, ClassesOfNights())
            counted.add(nights, labels.to_pylist() if labels is not None else [None] * batch.num_rows)

    def _class_columns(self, batch: pa.RecordBatch) -> Iterator[tuple[str, pa.Array]]:
        if self._survey is None:
            return
        held = [column.name for column in self._survey.classes.columns]
        number = 0
        for path in dict.fromkeys([*self._survey.class_columns, *held]):
            column = column_at(batch, path)
            if column is not None and pa.types.is_string(column.type) and number < _MOST_CLASS_COLUMNS:
                number += 1
                yield path, column

    def summed(self) -> Summed:
        """Return what is to be shown now."""
        brightness = self._brightness
        return Summed(
            num_alerts=self._num_alerts,
            nbytes=self._nbytes,
            brightness=brightness.bars() if brightness else None,
            brightness_text=brightness.text(name=self.brightness_name, unit=self.unit) if brightness else "",
            nights={name: counted.bars() for name, counted in self._nights.items()},
            places=self._places.held(),
            curves=self._curves.rows() if self._curves else (),
        )


@dataclass
class _Places:
    """A random sample of places: each alert is as likely to be in it as any other."""

    _random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    _held: np.ndarray = field(default_factory=lambda: np.empty((0, 3)))
    """A random number, right ascension and declination of each; those with the least numbers stay."""

    def add(self, ra: np.ndarray, dec: np.ndarray) -> None:
        is_place = np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90)
        ra, dec = ra[is_place], dec[is_place]
        drawn = np.column_stack([self._random.random(len(ra)), ra, dec])
        held = np.concatenate([self._held, drawn])
        if len(held) > _MOST_PLACES:
            held = held[np.argpartition(held[:, 0], _MOST_PLACES)[:_MOST_PLACES]]
        self._held = held

    def held(self) -> tuple[Sequence[float], Sequence[float]]:
        return self._held[:, 1].tolist(), self._held[:, 2].tolist()


class _Curves:
    """The objects with most measurements: by the history that alerts bring, else by the alerts of an object that came.

    Parameters
    ----------
    survey
        Whose alerts they are.
    """

    def __init__(self, survey: engine.Survey):
        self._survey = survey
        self._parent = survey.time_field.rpartition(".")[0]
        photometry = photometry_of(survey)
        paths = [survey.time_field, survey.band_field]
        if photometry:
            names = (photometry.value, photometry.error, photometry.limit, photometry.sign)
            paths += [f"{self._parent}.{name}" if self._parent else name for name in names if name]
        self._value = photometry.value if photometry else ""
        self._paths = [path for path in paths if path]
        self._with_history: dict[str, tuple[int, Mapping[str, Any]]] = {}
        self._detections: dict[str, list[dict[str, Any]]] = {}
        self._num_detections = 0

    def add(self, batch: pa.RecordBatch) -> None:
        objects = column_at(batch, self._survey.object_field)
        columns = {leaf_of(path): column_at(batch, path) for path in self._paths}
        columns = {name: column for name, column in columns.items() if column is not None}
        if objects is None or leaf_of(self._survey.time_field) not in columns:
            return
        histories = [name for name in self._survey.history if batch.schema.get_field_index(name) >= 0]
        if histories:
            self._add_histories(batch, objects, columns, histories)
        elif self._num_detections < _MOST_DETECTIONS:
            self._add_detections(objects, columns)

    def _add_histories(
        self, batch: pa.RecordBatch, objects: pa.Array, columns: Mapping[str, pa.Array], histories: Sequence[str]
    ) -> None:
        number = np.sum([self._num_measured(batch.column(name)) for name in histories], axis=0)
        for place in np.argsort(number, kind="stable")[::-1][: 5 * _MOST_CURVES].tolist():
            name, count = objects[place].as_py(), int(number[place])
            if name is None or count < _LEAST_OF_CURVE or count <= self._with_history.get(str(name), (0, {}))[0]:
                continue
            if len(self._with_history) >= _MOST_CURVES and str(name) not in self._with_history:
                least = min(self._with_history, key=lambda held: self._with_history[held][0])
                if self._with_history[least][0] >= count:
                    break
                del self._with_history[least]
            own = {leaf: column[place].as_py() for leaf, column in columns.items()}
            earlier = {history: batch.column(history)[place].as_py() for history in histories}
            self._with_history[str(name)] = (count, self._row(own, earlier))

    def _num_measured(self, history: pa.Array) -> np.ndarray:
        """Return how many items of each list have a brightness."""
        if not pa.types.is_list(history.type) or not pa.types.is_struct(history.type.value_type):
            return np.zeros(len(history))
        if not self._value or history.type.value_type.get_field_index(self._value) < 0:
            return np.zeros(len(history))
        is_measured = pc.is_valid(pc.struct_field(pc.list_flatten(history), self._value))
        return np.bincount(pc.list_parent_indices(history), weights=is_measured, minlength=len(history))

    def _add_detections(self, objects: pa.Array, columns: Mapping[str, pa.Array]) -> None:
        held = {name: column.to_pylist() for name, column in columns.items()}
        for place, name in enumerate(objects.to_pylist()):
            if name is not None and self._num_detections < _MOST_DETECTIONS:
                self._num_detections += 1
                detection = {leaf: values[place] for leaf, values in held.items()}
                self._detections.setdefault(str(name), []).append(detection)

    def _row(self, own: Mapping[str, Any], earlier: Mapping[str, Any]) -> Mapping[str, Any]:
        return {self._parent: own, **earlier} if self._parent else {**own, **earlier}

    def rows(self) -> Sequence[tuple[str, Mapping[str, Any]]]:
        if self._with_history:
            best = sorted(self._with_history.items(), key=lambda item: (-item[1][0], item[0]))
            return [(name, row) for name, (_, row) in best]
        time = leaf_of(self._survey.time_field)
        most = sorted(self._detections.items(), key=lambda item: (-len(item[1]), item[0]))[:_MOST_CURVES]
        found = []
        for name, detections in most:
            in_order = sorted(detections, key=lambda one: one[time] if one[time] is not None else 0.0)
            if len(in_order) >= _LEAST_OF_CURVE and self._survey.history:
                found.append((name, self._row(in_order[-1], {self._survey.history[0]: in_order[:-1]})))
        return found


def _numbers(column: pa.Array) -> np.ndarray:
    """Return a column of numbers as float64, NaN where it holds none."""
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return np.full(len(column), np.nan)
    # Not safely: of an identifier it would matter, of what is drawn it does not.
    return np.asarray(pc.fill_null(pc.cast(column, pa.float64(), safe=False), np.nan))
