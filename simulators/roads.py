"""A street world that traffic runs on: a graph of straight pieces of street in a local plane.

The streets are made up (docs/sample-district.md); only the names and the rough lie of the key roads are real.

Units    x and y are metres east and north of (ORIGIN_LAT, ORIGIN_LON); degrees are WGS-84.
Nodes    Junctions, bends, and one node for each place attached (a site, an estate, a spot beside the road).
Barred   Pieces of street that ordinary trips avoid, by the zone that bars them.
"""

import heapq
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

ORIGIN_LAT, ORIGIN_LON = 36.70, 117.50
LAT_M, LON_M = 110_972.0, 89_360.0
"""Metres a degree at the origin."""

Place = tuple[float, float]
"""(x, y)."""
Points = NDArray[np.float64]
"""(N, 2): x and y."""

OUTLINE_DEG = (
    (117.25, 37.03), (117.33, 37.05), (117.39, 36.95), (117.53, 36.95), (117.56, 36.87), (117.68, 36.76),
    (117.71, 36.74), (117.68, 36.66), (117.67, 36.58), (117.61, 36.55), (117.52, 36.51), (117.43, 36.47),
    (117.35, 36.49), (117.34, 36.57), (117.38, 36.66), (117.34, 36.76), (117.33, 36.86), (117.24, 36.90),
)  # fmt: skip
"""A coarse outline drawn by hand inside the district's extent; it is no official boundary."""

HILLS_NORTH_LAT = 36.63
"""South of it the streets wind and are few."""


@dataclass(frozen=True, slots=True)
class KeyRoad:
    name: str
    across: bool
    """True: it runs west to east along a row of the grid, at latitude `at`; else along a column."""
    at: float
    begin: float
    end: float
    limit_kmh: float


KEY_ROADS = (
    KeyRoad("经十东路", across=True, at=36.683, begin=117.36, end=117.62, limit_kmh=70),
    KeyRoad("章丘大道", across=True, at=36.709, begin=117.38, end=117.57, limit_kmh=60),
    KeyRoad("308国道", across=True, at=36.840, begin=117.32, end=117.58, limit_kmh=70),
    KeyRoad("龙泉路", across=False, at=117.535, begin=36.66, end=36.75, limit_kmh=60),
    KeyRoad("旅游路", across=True, at=36.655, begin=117.37, end=117.56, limit_kmh=60),
)

_ROWS = (
    36.500, 36.523, 36.546, 36.569, 36.592, 36.614, 36.634, 36.655, 36.683, 36.709, 36.731, 36.753, 36.775, 36.797,
    36.819, 36.840, 36.862, 36.884, 36.906, 36.928, 36.950, 36.972, 36.994, 37.016,
)  # fmt: skip
_COLUMNS = (
    117.265, 117.293, 117.321, 117.350, 117.378, 117.406, 117.433, 117.459, 117.485, 117.510, 117.535, 117.562,
    117.590, 117.618, 117.646, 117.674,
)  # fmt: skip


def to_plane(lon: float, lat: float) -> Place:
    return (lon - ORIGIN_LON) * LON_M, (lat - ORIGIN_LAT) * LAT_M


def to_degrees(x: float, y: float) -> tuple[float, float]:
    """(lon, lat), to a decimetre."""
    return round(ORIGIN_LON + x / LON_M, 6), round(ORIGIN_LAT + y / LAT_M, 6)


def plane_points(coordinates: Iterable[Sequence[float]]) -> Points:
    """GeoJSON positions laid into the plane."""
    return np.array([to_plane(position[0], position[1]) for position in coordinates])


def apart(a: Place, b: Place) -> float:
    return math.hypot(a[0] - b[0], a[1] - b[1])


@cache
def outline() -> Polygon:
    return Polygon(plane_points(OUTLINE_DEG))


def in_hills(y: float) -> bool:
    return y < (HILLS_NORTH_LAT - ORIGIN_LAT) * LAT_M


@dataclass(slots=True)
class Streets:
    nodes: list[Place] = field(default_factory=list)
    edges: list[dict[int, float]] = field(default_factory=list)
    """Per node: its neighbours, and how far they are."""
    junctions: set[int] = field(default_factory=set)
    """Where there may be a traffic light."""
    places: dict[str, int] = field(default_factory=dict)
    """The node of each attached place."""
    barred: dict[frozenset[int], str] = field(default_factory=dict)
    """Pieces of street inside a zone, and the zone."""
    _trees: dict[tuple[int, str | None], list[int]] = field(default_factory=dict)

    def add(self, place: Place, *, junction: bool = False) -> int:
        self.nodes.append(place)
        self.edges.append({})
        if junction:
            self.junctions.add(len(self.nodes) - 1)
        return len(self.nodes) - 1

    def join(self, a: int, b: int) -> None:
        (ax, ay), (bx, by) = self.nodes[a], self.nodes[b]
        self.edges[a][b] = self.edges[b][a] = float(np.hypot(bx - ax, by - ay))

    def pieces(self) -> list[tuple[int, int]]:
        """Every piece of street once; lanes to attached places are none."""
        ends = set(self.places.values())
        return [(a, b) for a, near in enumerate(self.edges) for b in near if a < b and not ends & {a, b}]

    def bar(self, zone: str, area: BaseGeometry) -> None:
        """Keep ordinary trips out of `area` and 150 m around it."""
        around = area.buffer(150)
        for a, b in self.pieces():
            if around.intersects(LineString([self.nodes[a], self.nodes[b]])):
                self.barred[frozenset((a, b))] = zone
        self._trees.clear()

    def attach(self, name: str, place: Place) -> int:
        """Join `place` to the nearest piece of street by a straight lane; return its node."""
        free = [piece for piece in self.pieces() if frozenset(piece) not in self.barred]
        a, b, foot = nearest_piece(self, free, place)
        length = self.edges[a].pop(b)
        del self.edges[b][a]
        at = self.add(foot)
        self.join(a, at)
        self.join(at, b)
        if not length:
            raise ValueError(f"street piece {a}-{b} has no length")
        node = self.add(place)
        self.join(at, node)
        self.places[name] = node
        self._trees.clear()
        return node

    def path(self, start: int, end: int, through: str | None = None) -> list[int]:
        """Nodes of the shortest way; barred pieces only where they lie in the zone `through`.

        Raises ValueError where there is none.
        """
        before = self._trees.get((start, through))
        if before is None:
            before = self._trees[start, through] = self._tree(start, through)
        way = [end]
        while way[-1] != start:
            way.append(before[way[-1]])
            if way[-1] < 0:
                raise ValueError(f"no street leads from node {start} to node {end}")
        return way[::-1]

    def detour(self, way: list[int], leave: int, rejoin: int) -> list[int] | None:
        """Another way between `way[leave]` and `way[rejoin]` that uses no piece of `way`; None: there is none."""
        used = {frozenset(pair) for pair in pairwise(way)}
        before = self._tree(way[leave], None, used)
        other = [way[rejoin]]
        while other[-1] != way[leave]:
            previous = before[other[-1]]
            if previous < 0:
                return None
            other.append(previous)
        return other[::-1]

    def place(self, name: str) -> Place:
        """Where an attached place lies."""
        return self.nodes[self.places[name]]

    def line(self, way: Sequence[int]) -> Points:
        return np.array([self.nodes[node] for node in way])

    def _tree(self, start: int, through: str | None, without: set[frozenset[int]] | None = None) -> list[int]:
        before = [-1] * len(self.nodes)
        far = [np.inf] * len(self.nodes)
        far[start] = 0.0
        ends = set(self.places.values())
        queue = [(0.0, start)]
        while queue:
            distance, node = heapq.heappop(queue)
            if distance > far[node] or (node in ends and node != start):
                continue
            for other, length in self.edges[node].items():
                piece = frozenset((node, other))
                zone = self.barred.get(piece)
                if (zone is not None and zone != through) or (without and piece in without):
                    continue
                if distance + length < far[other]:
                    far[other] = distance + length
                    before[other] = node
                    heapq.heappush(queue, (far[other], other))
        return before


def nearest_piece(
    streets: Streets, pieces: Sequence[tuple[int, int]], place: Place
) -> tuple[int, int, Place]:
    """The piece of street nearest to `place`, and the foot on it, never quite at its ends."""
    nodes = np.array(streets.nodes)
    ends = np.array(pieces)
    a, b = nodes[ends[:, 0]], nodes[ends[:, 1]]
    along = b - a
    share = np.clip(((np.array(place) - a) * along).sum(1) / (along**2).sum(1), 0.02, 0.98)
    feet = a + share[:, None] * along
    best = int(np.argmin(((feet - place) ** 2).sum(1)))
    return int(ends[best, 0]), int(ends[best, 1]), (float(feet[best, 0]), float(feet[best, 1]))


def sample_streets() -> Streets:
    """The sample district's streets: always the same ones."""
    dice = random.Random(370114)
    streets = Streets()
    area = outline().buffer(-300)
    straight_rows = {road.at for road in KEY_ROADS if road.across}
    grid: dict[tuple[int, int], int] = {}
    for row, lat in enumerate(_ROWS):
        for column, lon in enumerate(_COLUMNS):
            x, y = to_plane(lon, lat)
            wild = 60 if lat in straight_rows else 300
            place = (x + dice.uniform(-250, 250), y + dice.uniform(-wild, wild))
            if area.contains(Point(place)):
                grid[row, column] = streets.add(place, junction=True)
    for (row, column), node in grid.items():
        for next_row, next_column in ((row, column + 1), (row + 1, column)):
            other = grid.get((next_row, next_column))
            across = next_row == row
            keep = _on_key_road(row, column, across=across) or dice.random() > (
                0.30 if _ROWS[row] < HILLS_NORTH_LAT else 0.06
            )
            sway = dice.uniform(-1, 1) * (260 if _ROWS[row] < HILLS_NORTH_LAT else 70)
            if other is None or not keep:
                continue
            (ax, ay), (bx, by) = streets.nodes[node], streets.nodes[other]
            length = float(np.hypot(bx - ax, by - ay))
            bend = streets.add(
                ((ax + bx) / 2 - sway * (by - ay) / length, (ay + by) / 2 + sway * (bx - ax) / length)
            )
            streets.join(node, bend)
            streets.join(bend, other)
    return _connected(streets)


def key_road_lines(streets: Streets) -> dict[str, Points]:
    """The line of each key road, from west to east or south to north."""
    lines = {}
    for road in KEY_ROADS:
        begin = (road.begin, road.at) if road.across else (road.at, road.begin)
        end = (road.end, road.at) if road.across else (road.at, road.end)
        band = LineString([to_plane(*begin), to_plane(*end)]).buffer(420, cap_style="flat")
        inside = {n for n, place in enumerate(streets.nodes) if shapely.contains_xy(band, *place)}
        ends = sorted(inside & streets.junctions, key=lambda n: streets.nodes[n][0 if road.across else 1])
        lines[road.name] = streets.line(_within(streets, inside, ends[0], ends[-1]))
    return lines


def _within(streets: Streets, inside: set[int], start: int, end: int) -> list[int]:
    queue: list[tuple[float, list[int]]] = [(0.0, [start])]
    seen = set()
    while queue:
        distance, way = heapq.heappop(queue)
        if way[-1] == end:
            return way
        if way[-1] in seen:
            continue
        seen.add(way[-1])
        for other, length in streets.edges[way[-1]].items():
            if other in inside:
                heapq.heappush(queue, (distance + length, [*way, other]))
    raise ValueError(f"the key road from node {start} to node {end} is broken")


def _on_key_road(row: int, column: int, *, across: bool) -> bool:
    """Is the street from this junction east (or north) part of a key road?"""
    lat, lon = _ROWS[row], _COLUMNS[column]
    return any(
        road.across == across
        and (lat if across else lon) == road.at
        and road.begin <= (lon if across else lat) <= road.end
        for road in KEY_ROADS
    )


def _connected(streets: Streets) -> Streets:
    """Only what hangs together with the most."""
    left = set(range(len(streets.nodes)))
    largest: set[int] = set()
    while left:
        part: set[int] = set()
        todo = [left.pop()]
        while todo:
            node = todo.pop()
            part.add(node)
            todo += [other for other in streets.edges[node] if other not in part]
        left -= part
        largest = max(largest, part, key=len)
    kept = Streets()
    number = {
        node: kept.add(streets.nodes[node], junction=node in streets.junctions) for node in sorted(largest)
    }
    for node in sorted(largest):
        for other in streets.edges[node]:
            if node < other:
                kept.join(number[node], number[other])
    return kept
