"""How a case file's report says things, in Chinese: facts, measurements, steps, readings, each as rows of a table."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from alerts.labels import catalogue

SHOWN = {
    "vehicle": ("ts", "lat", "lon", "speed_kmh", "load", "lift", "quality", "received_at"),
    "fume": ("ts", "fume_mg_m3", "fan_on", "purifier_on", "fan_a", "purifier_a", "quality", "received_at"),
}


HEADINGS = {
    "ts": "时间", "lat": "纬度", "lon": "经度", "speed_kmh": "速度 km/h", "load": "载重", "lift": "举升", "quality": "质量",
    "received_at": "接收时间", "fume_mg_m3": "油烟 mg/m³", "fan_on": "风机", "purifier_on": "净化器", "fan_a": "风机 A",
    "purifier_a": "净化器 A",
}  # fmt: skip


NOUNS = {
    "device": "终端", "vehicle": "车辆", "outlet": "餐饮点位", "company": "企业", "permit": "核准证", "route": "路线",
    "jurisdiction": "街镇", "sites": "场站",
}  # fmt: skip


class Clock:
    """Instants as a reader of the report knows them."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def __call__(self, value: Any) -> str:
        if value is None:
            return "—"
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.astimezone(self._zone).strftime("%Y-%m-%d %H:%M:%S")


def register_rows(register: Mapping[str, Any], version: int) -> list[list[Any]]:
    rows = []
    for noun, found in register.items():
        for one in found if isinstance(found, list) else [found]:
            key = next(iter(one.values()))
            said = {name: value for name, value in list(one.items())[1:] if value not in (None, [], "")}
            rest = "；".join(f"{name}={value}" for name, value in said.items() if name != "geometry")
            rows.append([NOUNS[noun], key, version, rest])
    return rows


def heads_said(entries: Sequence[Mapping[str, Any]], heads: Sequence[Mapping[str, Any]]) -> str:
    if not entries:
        return "没有办理记录。"
    said = "每条记录含上一条的哈希，顺序与内容可核对。"
    if not heads:
        return said + "记录所在日尚未封存，暂无当日总哈希。"
    return said + "各日总哈希：" + "；".join(f"{day['day']} {day['head'][:20]}…" for day in heads)


def lead_facts(lead: Mapping[str, Any], local: Clock) -> list[list[Any]]:
    decision = lead["decision"] or {}
    decided = [zh(decision.get("kind", "")), decision.get("amount_yuan"), decision.get("document_no")]
    return [
        ["种类", zh(lead["kind"])],
        ["对象", lead["plate"] or lead["outlet_name"] or lead["device_id"]],
        ["企业", lead["company_name"] or lead["company_id"]],
        ["街镇", lead["jurisdiction_name"] or lead["jurisdiction"]],
        ["状态", zh(lead["state"])],
        ["中队、承办人", "，".join(filter(None, (lead["squad"], lead["assignee"])))],
        ["建立", f"{local(lead['opened_at'])} {'系统' if lead['created_by'] == 'engine' else lead['created_by']}"],
        ["办理期限", f"{lead['due_on']}（{lead['due_basis']}）" if lead["due_on"] else None],
        ["移交单位", zh(lead["receiver"]) if lead["receiver"] else None],
        ["处理决定", " ".join(str(one) for one in decided if one)],
        ["审核", "；".join(f"{zh(one['level'])} {one['reviewer']} {zh(one['verdict'])}" for one in lead["reviews"])],
    ]  # fmt: skip


def law(law: Mapping[str, Any]) -> dict[str, Any]:
    low, high = law["fine_min_yuan"], law["fine_max_yuan"]
    span = "未载明" if low is None else f"{low:,.0f} 元" if low == high else f"{low:,.0f}–{high:,.0f} 元"
    mark = "已核对原文" if law["confirmed"] else "尚未核对原文，引用前须核对"
    return {
        "violation": law["violation_zh"], "articles": law["articles"], "authority": law["authority_zh"], "range": span,
        "mark": mark,
    }  # fmt: skip


def measured(evidence: Mapping[str, Any]) -> list[list[str]]:
    thresholds = evidence.get("rule", {}).get("thresholds", {})
    values = evidence.get("values", {})
    rows = [[zh(name), f"{value:g}", "—"] for name, value in values.items() if value is not None]
    return rows + [[zh(name), "—", f"{value:g}"] for name, value in thresholds.items()]


def entry(said: Mapping[str, Any], local: Clock) -> list[Any]:
    detail = said["detail"]
    words = [zh(said["action"])]
    if "to" in detail:
        words.append(f"→ {zh(detail['to'])}")
    words += [
        f"{zh(name)}：{zh(str(detail[name]))}"
        for name in ("level", "verdict", "assignee", "receiver")
        if detail.get(name)
    ]
    if detail.get("note"):
        words.append(str(detail["note"]))
    actor = "系统" if said["actor"] == "engine" else said["actor"]
    return [said["seq"], local(said["at"]), actor, " ".join(words), said["hash"][:12]]


def compared(photo: Mapping[str, Any]) -> str:
    words = {True: "相符", False: "不符", None: "未载明"}
    away = f"（距线索地点 {photo['from_place_m']:.0f} 米）" if photo["from_place_m"] is not None else ""
    return f"时间{words[photo['time_agrees']]}，地点{words[photo['place_agrees']]}{away} {photo['note']}"


def zh(code: str) -> str:
    return catalogue().get(code, {}).get("zh", code)


def cell(value: Any, local: Clock) -> str:
    if isinstance(value, datetime):
        return local(value)[5:]
    if isinstance(value, bool):
        return "是" if value else "否"
    return (
        "—"
        if value is None
        else f"{value:.6g}"
        if isinstance(value, float) and abs(value) < 1000
        else zh(str(value))
    )
