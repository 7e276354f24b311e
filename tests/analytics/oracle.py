"""The rules for trucks again, slowly: plain Python over the whole history of one vehicle.

Written from the contract, section 4. Takes the projection, the zones and the corridors from the kernels, which
have their own tests, and nothing else. Says (ts, action, kind, severity, started). `silent` says what the stream clock
makes of the end of the history: the oracle is never asked in between.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analytics.kernels.corridor import distance_to_route
from analytics.kernels.projection import ground_m, to_plane
from analytics.kernels.zones import containing

S = 1_000_000
Saying = tuple[int, str, str, str, int]


@dataclass
class Seen:
    """A good fix, with what was known at it."""

    ts: int
    x: float
    y: float
    kmh: float
    load: float
    lift: int
    cover: int
    sites: list[int]
    barred: list[int]
    may_unload: bool
    source: int

    def away(self, other: "Seen") -> float:
        return math.dist((self.x, self.y), (other.x, other.y))


@dataclass
class Load:
    source: int
    left: int | None = None
    permits: list[int] = field(default_factory=list)
    delivered: bool = False
    stop: list[Seen] | None = None
    told: list[tuple[str, int]] = field(default_factory=list)
    reached: bool = False
    overdue: bool = False


class Oracle:
    def __init__(self, district: Any, vehicle: int) -> None:
        self.d, self.vehicle = district, vehicle
        self.good: list[Seen] = []
        self.strays: list[Seen] = []
        self.said: list[Saying] = []
        self.qualities: list[str] = []
        self.has_load = self.has_lift = self.loaded = False
        self.load, self.lift, self.cover = math.nan, -1, -1
        self.last: int | None = None
        self.readings: list[tuple[int, bool, bool]] = []
        self.fault: int | None = None
        self.late_run: list[Seen] = []
        self.late: int | None = None
        self.bare_run: list[Seen] = []
        self.bare: int | None = None
        self.over_run: list[Seen] = []
        self.over: int | None = None
        self.slow: int | None = None
        self.haul: Load | None = None
        self.loaded_ts: int | None = None
        self.stop: list[Seen] = []
        self.stop_loads = False
        self.stop_loaded: list[bool] = []
        self.standing: Seen | None = None
        self.astray = 0
        self.beyond: list[Seen] = []
        self.off: tuple[int, str] | None = None
        self.off_said = 0
        self.far = 0.0
        self.back: int | None = None
        self.unpermitted: int | None = None
        self.rise: Seen | None = None
        self.fall: Seen | None = None
        self.unloading: tuple[int, float, float] | None = None
        self.dumping: tuple[int, str, set[str]] | None = None
        self.raised: list[Seen] = []
        self.raised_told = False
        self.parked: int | None = None
        self.zones: dict[int, dict[str, Any]] = {}

    # Which fixes to believe

    def reachable(self, a: Seen, b: Seen) -> bool:
        seconds = (b.ts - a.ts) / S
        known = not (math.isnan(a.kmh) or math.isnan(b.kmh))
        kmh = max(a.kmh, b.kmh) + 30 if known and seconds <= 60 else 150
        return ground_m(self.d.plane, a.x, a.y, b.x, b.y) <= 100 + seconds * kmh / 3.6

    def hear(self, fix: Any) -> None:
        now = int(fix["ts"])
        if fix["fix"] == 2:
            self.count(now, bad=True, refused=True)
            return
        for kind, opened, started in self.silences(now):
            severity = "major" if kind == "signal_loss" else "minor"
            self.said.append((opened, "opened", kind, severity, started))
            self.said.append((now, "cleared", kind, severity, started))
            if kind == "signal_loss" and self.haul:
                self.haul.told.append((kind, started))
        self.last = now
        self.hear_reading(fix)
        self.count(now, bad=self.qualities[-1] != "ok", refused=False)

    def silences(self, until: int) -> list[tuple[str, int, int]]:
        """What nothing since the last reading means: kind, when it was long enough, when it began."""
        found = []
        if self.last is not None:
            last = self.good[-1] if self.good else None
            speaks = last is not None and self.last - last.ts < 300 * S and last.kmh > 10
            if speaks and self.loaded and self.haul and until - self.last >= 300 * S:
                found.append(("signal_loss", self.last + 300 * S, self.last))
            if (
                until - self.last >= 86400 * S
                and self.vehicle >= 0
                and self.d.vehicle_in_service[self.vehicle]
            ):
                found.append(("device_offline", self.last + 86400 * S, self.last))
        return found

    def silent(self, clock: int) -> list[Saying]:
        said = [
            (opened, "opened", kind, "major" if kind == "signal_loss" else "minor", started)
            for kind, opened, started in self.silences(clock)
        ]
        h = self.haul
        if h and h.left is not None and h.source >= 0 and not h.reached and not h.overdue:
            due = h.left + 4 * 3600 * S
            if clock >= due:
                said.append((due, "opened", "undelivered_load", "minor", h.left))
        return said

    def count(self, now: int, *, bad: bool, refused: bool) -> None:
        self.readings.append((now, bad, refused))
        window = self.readings[-60:]
        if self.fault is not None:
            if not any(bad for _, bad, _ in window):
                self.said.append((now, "cleared", "device_fault", "minor", self.fault))
                self.fault = None
        elif len(window) == 60:
            many = sum(bad for _, bad, _ in window) > 30
            if many or sum(refused for _, _, refused in window) >= 10:
                first, good = 0, 0
                for ts, was_bad, _ in reversed(self.readings):
                    first, good = (ts, 0) if was_bad else (first, good + (first > 0))
                    if good == 10:
                        break
                self.fault = first
                self.said.append((now, "opened", "device_fault", "minor", first))

    def hear_reading(self, fix: Any) -> None:
        self.has_load |= not math.isnan(fix["load"])
        self.has_lift |= fix["lift"] != -1
        quality, seen = self.judged(fix)
        self.qualities.append(quality)
        if seen is None or quality != "ok":
            return
        if not math.isnan(fix["load"]):
            self.load = float(fix["load"])
        if fix["lift"] != -1:
            self.lift = int(fix["lift"])
        if fix["cover"] != -1:
            self.cover = int(fix["cover"])
        seen.load, seen.lift, seen.cover = self.load, self.lift, self.cover
        self.look(seen, int(fix["local"]))
        self.good.append(seen)
        self.follow(seen, int(fix["local"]))

    def judged(self, fix: Any) -> tuple[str, Seen | None]:
        if fix["lat"] == 0 and fix["lon"] == 0:
            return "zero", None
        if fix["fix"] == 0:
            return "unfixed", None
        if fix["hdop"] > 10:
            return "hdop", None
        x, y = to_plane(self.d.plane, fix["lat"], fix["lon"])
        seen = Seen(int(fix["ts"]), x, y, float(fix["speed_kmh"]), math.nan, -1, -1, [], [], False, -1)
        if not self.good or self.reachable(self.good[-1], seen):
            self.strays = []
            return "ok", seen
        if self.strays and not self.reachable(self.strays[-1], seen):
            self.strays = []
        self.strays.append(seen)
        if len(self.strays) == 3:
            self.strays = []
            return "ok", seen
        return "jump", seen

    def look(self, seen: Seen, local: int) -> None:
        found = np.empty(self.d.zones.most, np.int32)
        day = local // (86400 * S)
        for z in found[: containing(self.d.zones, seen.x, seen.y, found)].tolist():
            if self.d.site_from_day[z] <= day <= self.d.site_to_day[z]:
                (seen.barred if self.d.site_kind[z] == 4 else seen.sites).append(z)
        kinds = self.kinds(seen)
        disposals = {int(self.d.permit_disposal[p]) for p in self.haul.permits} if self.haul else set()
        seen.may_unload = bool(kinds & {1, 2} or disposals & set(seen.sites))
        sources = [z for z in seen.sites if self.d.site_kind[z] == 0]
        permitted = [z for z in sources if self.permits(z, day)]
        seen.source = (permitted or sources or [-1])[0]

    def kinds(self, seen: Seen) -> set[int]:
        return {int(self.d.site_kind[z]) for z in seen.sites}

    def permits(self, source: int, day: int) -> list[int]:
        d = self.d
        own = d.vehicle_permits[
            d.vehicle_permits_start[self.vehicle] : d.vehicle_permits_start[self.vehicle + 1]
        ]
        return [
            p for p in own.tolist()
            if d.permit_source[p] == source and d.permit_from_day[p] <= day <= d.permit_to_day[p]
            and d.permit_active[p] and d.vehicle_active[self.vehicle]
        ]  # fmt: skip

    # One good fix

    def say(self, action: str, kind: str, severity: str, started: int) -> None:
        self.said.append((self.good[-1].ts, action, kind, severity, started))

    def follow(self, now: Seen, local: int) -> None:
        self.follow_stop(now)
        self.overdue(now)
        self.infer(now)
        self.take_up(now, local)
        if self.loaded and self.haul and self.haul.left is not None:
            self.off_route(now)
            self.outside_hours(now, local)
        if self.loaded and self.haul:
            self.uncovered(now)
        self.unload(now)
        self.deliver()
        self.stand_loaded()
        self.no_go(now)
        self.overspeed(now)

    def overdue(self, now: Seen) -> None:
        h = self.haul
        if not h or h.left is None:
            return
        due = h.left + 4 * 3600 * S
        late = now.ts > due or (now.ts == due and not now.may_unload)
        if h.source >= 0 and late and not h.reached and not h.overdue:
            h.overdue = True
            self.said.append((due, "opened", "undelivered_load", "minor", h.left))
        if now.may_unload:
            h.reached = True
            if h.overdue:
                self.say("cleared", "undelivered_load", "minor", h.left)
            h.overdue = False

    def outside_hours(self, now: Seen, local: int) -> None:
        assert self.haul
        minute = local % (86400 * S) // (60 * S)
        hours = []
        for p in self.haul.permits:
            own = self.d.permit_hours[
                self.d.permit_hours_start[p] : self.d.permit_hours_start[p + 1]
            ].tolist()
            hours.append(not own or any(a <= minute < b for a, b in own))
        outside = bool(hours) and not any(hours)
        if self.late is not None:
            if not outside:
                self.say("cleared", "outside_hours", "minor", self.late)
                self.late, self.late_run = None, []
        elif outside and not self.stood(180):
            self.late_run.append(now)
            if now.ts - self.late_run[0].ts >= 300 * S:
                self.late = self.late_run[0].ts
                self.say("opened", "outside_hours", "minor", self.late)
                self.haul.told.append(("outside_hours", self.late))
        else:
            self.late_run = []

    def uncovered(self, now: Seen) -> None:
        assert self.haul
        if self.bare is not None:
            if self.cover != 1:
                self.say("cleared", "uncovered_load", "minor", self.bare)
                self.bare, self.bare_run = None, []
        elif self.cover == 1 and now.kmh >= 10:
            self.bare_run.append(now)
            if now.ts - self.bare_run[0].ts >= 30 * S:
                self.bare = self.bare_run[0].ts
                self.say("opened", "uncovered_load", "minor", self.bare)
                self.haul.told.append(("uncovered_load", self.bare))
        else:
            self.bare_run = []

    def limit(self, now: Seen) -> float:
        """Of the nearest road it is on; NaN: none."""
        roads = self.d.roads
        near = []
        for s, (ax, ay, bx, by) in enumerate(roads.segments.tolist()):
            road = int(roads.segment_road[s])
            long = (bx - ax) ** 2 + (by - ay) ** 2
            along = (
                min(1, max(0, ((now.x - ax) * (bx - ax) + (now.y - ay) * (by - ay)) / long)) if long else 0
            )
            metres = math.dist((now.x, now.y), (ax + along * (bx - ax), ay + along * (by - ay)))
            if metres <= roads.corridor_m[road]:
                near.append((metres, road))
        return float(self.d.road_limit_kmh[min(near)[1]]) if near else math.nan

    def overspeed(self, now: Seen) -> None:
        limit = self.limit(now)
        if now.kmh > limit * 1.1:
            self.over_run.append(now)
            self.slow = None
            if self.over is None and len(self.over_run) >= 3:
                self.over = self.over_run[0].ts
                self.say("opened", "overspeed", "minor", self.over)
        elif self.over is None:
            self.over_run = []
        elif now.kmh > limit:
            self.slow = None
        else:
            self.slow = self.slow if self.slow is not None else now.ts
            if now.ts - self.slow >= 30 * S:
                self.say("cleared", "overspeed", "minor", self.over)
                self.over, self.over_run = None, []

    def follow_stop(self, now: Seen) -> None:
        slow = not now.kmh >= 5
        if self.standing:
            self.astray = self.astray + 1 if now.away(self.standing) > 50 else 0
            if not slow or self.astray == 2:
                self.stand_no_more()
        if self.stop and (not slow or now.away(self.stop[0]) > 50):
            h = self.haul
            if (
                h and h.left is not None and not h.delivered and not self.has_load and not self.has_lift
                and not any(s.sites for s in self.stop) and self.stop[0].ts >= h.left
                and self.stop[-1].ts - self.stop[0].ts >= 180 * S
            ):  # fmt: skip
                h.stop = self.stop
            self.stop = []
        if slow:
            if not self.stop:
                self.stop_loads, self.stop_loaded = False, []
            self.stop.append(now)

    def stood(self, seconds: int) -> bool:
        return bool(self.stop) and self.stop[-1].ts - self.stop[0].ts >= seconds * S

    def stand_loaded(self) -> None:
        if not self.stop:
            return
        self.stop_loaded.append(self.loaded and self.haul is not None)
        nowhere = not any(s.sites for s in self.stop)
        if self.standing is None and nowhere and all(self.stop_loaded) and self.stood(180):
            assert self.haul
            self.standing, self.astray = self.stop[0], 0
            self.say("opened", "loaded_stop", "info", self.standing.ts)
            self.haul.told.append(("loaded_stop", self.standing.ts))

    def stand_no_more(self) -> None:
        if self.standing is not None:
            self.say("cleared", "loaded_stop", "info", self.standing.ts)
        self.standing = None

    def stay(self, now: Seen) -> list[Seen]:
        """The unbroken stay within 300 m that ends now, newest first."""
        stay: list[Seen] = []
        for seen in reversed(self.good):
            if seen.away(now) > 300:
                break
            stay.append(seen)
        return stay

    def recent(self, now: Seen) -> list[Seen]:
        return [s for s in self.stay(now) if now.ts - s.ts <= 600 * S]

    def infer(self, now: Seen) -> None:
        in_parking = 3 in self.kinds(now)
        self.parked = (self.parked if self.parked is not None else now.ts) if in_parking else None
        h = self.haul
        if self.has_load or self.has_lift or not h or h.left is None:
            return
        if now.may_unload:
            h.delivered, h.stop = True, None
        day_over = self.parked is not None and now.ts - self.parked >= 1800 * S
        if h.stop and (0 in self.kinds(now) or day_over):
            first, last = h.stop[0], h.stop[-1]
            self.say("opened", "illegal_dumping", "major", first.ts)
            self.unloading, self.dumping = (last.ts, first.x, first.y), (first.ts, "major", {"inferred"})
            for kind, started in h.told[-8:]:
                if started <= first.ts:
                    continue
                severity = {"loaded_stop": "info", "signal_loss": "major"}.get(kind, "minor")
                self.say("withdrawn", kind, severity, started)
                if kind == "loaded_stop" and self.standing and self.standing.ts == started:
                    self.standing = None
                if kind == "off_route" and self.off and self.off[0] == started:
                    self.off = None
                if kind == "outside_hours" and self.late == started:
                    self.late = None
                if kind == "uncovered_load" and self.bare == started:
                    self.bare = None
            self.end()

    def take_up(self, now: Seen, local: int) -> None:
        day = local // (86400 * S)
        if self.has_load:
            self.sense(now, day)
        elif not self.stop_loads and self.stood(180):
            source = self.best_source(self.stop, day)
            if source >= 0:
                self.stop_loads = True
                self.begin(source)
                self.loaded = True
        if self.loaded:
            self.loaded_ts = now.ts
        h = self.haul
        if h and h.left is None and h.source not in now.sites:
            h.left, h.permits = now.ts, self.permits(h.source, day)
            if not h.permits:
                self.unpermitted = now.ts
                self.say("opened", "unpermitted_haul", "major", now.ts)

    def best_source(self, fixes: list[Seen], day: int) -> int:
        sources = [s.source for s in fixes if s.source >= 0]
        return ([z for z in sources if self.permits(z, day)] or sources or [-1])[0]

    def sense(self, now: Seen, day: int) -> None:
        if math.isnan(now.load):
            return
        recent, again = self.recent(now), False
        source = self.best_source(recent, day)
        since = [s for s in recent if not math.isnan(s.load) and (not self.rise or s.ts >= self.rise.ts)]
        least = min(s.load for s in since)
        if now.load - least >= 0.4 - 1e-6:
            same = self.rise and now.ts - self.rise.ts <= 600 * S and now.away(self.rise) <= 300
            if not same:
                again = source >= 0 and least >= 0.3 - 1e-6
                stay = self.stay(now)
                swing = now.load - least <= 0.5 + 1e-6
                tipping = swing and self.unloading and self.is_same(now) and any(s.may_unload for s in stay)
                if not tipping and not any(self.kinds(s) & {0, 2} for s in stay):
                    started = next(s.ts for s in since if s.load <= least + 0.05 + 1e-6)
                    self.say("opened", "unlicensed_loading", "major", started)
            self.rise = now
        before, self.loaded = self.loaded, now.load >= 0.3
        if self.loaded and (not before or again):
            self.begin(source)

    def begin(self, source: int) -> None:
        if self.haul:
            if self.haul.source == source and self.haul.left is None:
                return
            self.end()
        self.haul = Load(source, left=self.good[-1].ts if source < 0 else None)

    def end(self) -> None:
        if self.off:
            self.say("cleared", "off_route", self.off[1], self.off[0])
        self.stand_no_more()
        self.stop_loaded.append(False)
        if self.late is not None:
            self.say("cleared", "outside_hours", "minor", self.late)
        if self.bare is not None:
            self.say("cleared", "uncovered_load", "minor", self.bare)
        if self.haul and self.haul.overdue:
            assert self.haul.left is not None
            self.say("cleared", "undelivered_load", "minor", self.haul.left)
        self.late, self.late_run, self.bare, self.bare_run = None, [], None, []
        if self.unpermitted is not None:
            self.say("cleared", "unpermitted_haul", "major", self.unpermitted)
        self.off, self.beyond, self.unpermitted, self.haul = None, [], None, None
        if math.isnan(self.load):
            self.loaded = False

    def deliver(self) -> None:
        if not self.haul:
            return
        if self.has_load:
            if self.load < 0.3:
                self.end()
        elif any(s.may_unload for s in self.stop) and not self.stop_loads and self.stood(60):
            self.end()

    def off_route(self, now: Seen) -> None:
        assert self.haul
        d, permits = self.d, self.haul.permits
        if not permits or any(d.permit_route[p] < 0 for p in permits):
            return
        metres = {
            p: distance_to_route(d.routes, int(d.permit_route[p]), now.x, now.y, -1)[0] for p in permits
        }
        inside = any({int(d.permit_source[p]), int(d.permit_disposal[p])} & set(now.sites) for p in permits)
        if not inside and all(metres[p] > d.route_corridor_m[d.permit_route[p]] for p in permits):
            self.beyond.append(now)
            self.back = None
            self.far = max(min(metres.values()), self.far if len(self.beyond) > 1 else 0.0)
            first = self.beyond[0].ts
            severity = "major" if self.far > 300 or now.ts - first >= 600 * S else "minor"
            if self.off:
                graver = severity == "major" and self.off[1] == "minor"
                self.off = first, "major" if "major" in (severity, self.off[1]) else "minor"
                if graver or now.ts - self.off_said >= 60 * S:
                    self.say("updated", "off_route", self.off[1], first)
                    self.off_said = now.ts
            elif len(self.beyond) >= 3 and now.ts - first >= 60 * S:
                self.off, self.off_said = (first, severity), now.ts
                self.say("opened", "off_route", severity, first)
                self.haul.told.append(("off_route", first))
        elif not self.off:
            self.beyond = []
        else:
            self.back = self.back if self.back is not None else now.ts
            if now.ts - self.back >= 60 * S:
                self.say("cleared", "off_route", self.off[1], self.off[0])
                self.off, self.beyond = None, []

    def is_same(self, now: Seen) -> bool:
        if not self.unloading:
            return False
        ts, x, y = self.unloading
        return now.ts - ts <= 600 * S and math.dist((x, y), (now.x, now.y)) <= 300

    def unload(self, now: Seen) -> None:
        before = self.unloading
        if self.lift == 1 and not now.kmh >= 10:
            if self.raised_told and not self.is_same(now):
                self.raised = []
            if not self.raised:
                self.raised_told = False
            self.raised.append(now)
            lasted = len(self.raised) >= 2 and now.ts - self.raised[0].ts >= 10 * S
            if lasted and self.loaded_ts is not None and now.ts - self.loaded_ts <= 600 * S:
                self.evidence(now, "lift", any(s.may_unload for s in self.raised), self.raised[0])
        else:
            self.raised = []
        since = [
            s for s in self.recent(now) if not math.isnan(s.load) and (not self.fall or s.ts >= self.fall.ts)
        ]
        most = max((s.load for s in since), default=math.nan)
        if most - now.load >= 0.4 - 1e-6:
            first = next(s for s in since if s.load >= most - 0.05 - 1e-6)
            swing = most - now.load <= 0.5 + 1e-6
            rising = swing and self.rise and now.ts - self.rise.ts <= 600 * S and now.away(self.rise) <= 300
            if not (rising and any(s.source >= 0 for s in self.recent(now))):
                self.evidence(now, "load_fall", any(s.may_unload for s in self.stay(now)), first)
            self.fall = now
        if self.unloading != before:
            self.end()

    def evidence(self, now: Seen, term: str, lawful: bool, first: Seen) -> None:
        same = self.is_same(now)
        self.unloading, self.raised_told = (now.ts, now.x, now.y), True
        if same:
            if self.dumping and term not in self.dumping[2]:
                self.dumping[2].add(term)
                self.say("updated", "illegal_dumping", self.dumping[1], self.dumping[0])
        elif lawful:
            self.dumping = None
        else:
            severity = "minor" if 3 in self.kinds(first) else "critical"
            self.dumping = first.ts, severity, {term}
            self.say("opened", "illegal_dumping", severity, first.ts)

    def no_go(self, now: Seen) -> None:
        for zone, entry in list(self.zones.items()):
            if zone in now.barred:
                continue
            if not entry["open"]:
                del self.zones[zone]
                continue
            entry["out"] = entry["out"] if entry["out"] is not None else now.ts
            if now.ts - entry["out"] >= 60 * S:
                self.say("cleared", "no_go_entry", "major", entry["since"])
                del self.zones[zone]
        for zone in now.barred:
            entry = self.zones.setdefault(zone, {"since": now.ts, "fixes": 0, "open": False})
            entry["fixes"], entry["out"] = entry["fixes"] + 1, None
            if not entry["open"] and entry["fixes"] >= 2:
                entry["open"] = True
                self.say("opened", "no_go_entry", "major", entry["since"])
