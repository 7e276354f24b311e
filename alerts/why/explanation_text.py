"""An explanation (`alerts.why.explaining`) as a page of text, in Chinese or English, times on the local clock."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from alerts.labels import Language, catalogue, label

_WORDS = {
    "alert": ("告警", "Alert"),
    "score": ("评分", "Score"),
    "measured": ("测得", "Measured"),
    "rule": ("规则", "Rules"),
    "register": ("登记", "Register"),
    "version": ("版本", "version"),
    "permit": ("许可", "permit"),
    "route": ("路线", "route"),
    "site": ("场所", "site"),
    "corridor": ("走廊", "corridor"),
    "left_out": ("未采信", "Left out"),
    "readings": ("条读数", "readings"),
    "nothing": ("无", "none"),
    "now": ("现行", "now"),
    "caveats": ("注意", "Mind"),
    "copied_from": ("雷同于", "Copied from"),
    "fixes": ("轨迹", "Fixes"),
    "head": (
        "   时间       纬度        经度      km/h  载重  举升  距路线 m  场所",
        "   time       lat         lon       km/h  load  box   m off     sites",
    ),
    "key": (
        "* 促成告警   · 告警期间采信   × 未采信",
        "* made the alert   · used, within it   × left out",
    ),
}
_MARKS = {True: "↑", False: "-", None: ""}


def explanation_text(said: dict[str, Any], language: Language, zone: ZoneInfo) -> str:
    def word(name: str) -> str:
        return _WORDS[name][0 if language == "zh" else 1]

    alert, rule, register = said["alert"], said["rule"], said["register"]
    lines = [
        (f"{word('alert')} {alert['id']}  {_label(alert['kind'], language)}  {_label(alert['severity'], language)}  "
        f"{_label(alert['state'], language)}"),
        alert[f"summary_{language}"],
        (f"{_clock(alert['started_at'], zone, day=True)} – {_clock(alert['cleared_at'] or alert['updated_at'], zone)}  "
        f"{alert['device_id']}"),
        "",
        f"{word('score')} {said['score']['value']:.2f}" + _terms(said["score"]["terms"], language),
        *(f"{word('measured')} {_label(name, language)} = {value:g}" for name, value in said["values"].items()
          if not name.startswith("term_")),
        *_original_line(said["copied_from"], word, zone),
        f"{word('rule')} {rule['version']}"
        + ("" if rule["version"] == rule["version_now"] else f" ({word('now')} {rule['version_now']})"),
        *(f"    {_label(t['name'], language)} {t['value']:g} {t['unit'] or ''}  [{t['source'] or ''}]"
          for t in rule["thresholds"]),
        f"{word('register')} {word('version')} {register['version']}",
        *_register_lines(register, word),
        *(f"{word('caveats')}: {_label(code, language)}" for code in said["caveats"]),
        "",
        f"{said['stretch']['readings']} {word('readings')}; {word('left_out')}: "
        + (", ".join(f"{_label(q, language)} {n}" for q, n in said["left_out"].items()) or word("nothing")),
    ]  # fmt: skip
    if "fixes" in said:
        lines += [word("head"), *(_fix_line(fix, language, zone) for fix in said["fixes"]), word("key")]
    for sample in said.get("samples", ()):
        values = "  ".join(
            f"{name}={value}" for name, value in sample.items() if name != "ts" and value is not None
        )
        lines.append(f"  {_clock(sample['ts'], zone)}  {values}")
    return "\n".join(lines)


def _terms(terms: list[dict[str, Any]], language: Language) -> str:
    held = [f"{term['weight']:.2f} {_label(term['name'], language)}" for term in terms if term["value"]]
    return " = " + " + ".join(held) if held else ""


def _original_line(original: dict[str, Any] | None, word: Any, zone: ZoneInfo) -> list[str]:
    if original is None:
        return []
    whose = f"{original['device_id']} {original['outlet_name'] or ''}".strip()
    times = f"{_clock(original['from'], zone, day=True)} – {_clock(original['to'], zone)}"
    return [f"{word('copied_from')} {whose}  {times}"]


def _register_lines(register: dict[str, Any], word: Any) -> list[str]:
    lines = []
    if site := register["site"]:
        lines.append(f"    {word('site')} {site['site_id']} {site['name']}")
    if permit := register["permit"]:
        lines.append(
            f"    {word('permit')} {permit['permit_id']} {permit['valid_from'] or ''} – {permit['valid_to'] or ''} "
            f"{permit['hours'] or ''}"
        )
    if route := register["route"]:
        lines.append(
            f"    {word('route')} {route['route_id']} {route['name']}, {word('corridor')} {route['corridor_m']:g} m"
        )
    return lines


def _fix_line(fix: dict[str, Any], language: Language, zone: ZoneInfo) -> str:
    good = fix["quality"] == "ok"
    mark = "*" if fix["told"] else "×" if not good else "·" if fix["used"] else " "
    off = "" if fix["distance_m"] is None else f"{fix['distance_m']:.0f}"
    beyond = "!" if off and fix["corridor_m"] is not None and fix["distance_m"] > fix["corridor_m"] else " "
    return (
        f"{mark} {_clock(fix['ts'], zone)}  {fix['lat']:.6f}  {fix['lon']:.6f}  {_plain(fix['speed_kmh']):>5}  "
        f"{_plain(fix['load']):>4}  {_MARKS[fix['lift']]:>4}  {off:>7}{beyond}  "
        + (" ".join(fix["sites"]) if good else _label(fix["quality"], language))
    ).rstrip()


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _clock(text: str, zone: ZoneInfo, *, day: bool = False) -> str:
    moment = datetime.fromisoformat(text).astimezone(zone)
    return moment.strftime("%Y-%m-%d %H:%M:%S" if day else "%H:%M:%S")


def _label(code: str, language: Language) -> str:
    return label(code, language) if code in catalogue() else code
