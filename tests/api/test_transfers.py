"""双移交 and 裁量: out and in, receipt, answer, return; worksheets that keep their inputs."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.testclient import TestClient

from alerts.casefile.package import verify
from alerts.casework.workdays import Calendar
from tests import builders

Database = Connection[TupleRow]
Clients = Callable[[str], TestClient]


def today() -> Any:
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


def handed_out(duty: TestClient, database: Database, state: str = "confirmed") -> tuple[int, dict[str, Any]]:
    lead_id = builders.lead(database, state)
    duty.post(
        f"/leads/{lead_id}/transitions",
        json={"to": "transferred", "receiver": "traffic_police", "note": "请处理"},
    )
    (transfer,) = duty.get("/transfers", params={"lead_id": lead_id}).json()["items"]
    return lead_id, transfer


def test_a_transfer_has_basis_due_day_receipt_and_answer(duty: TestClient, database: Database) -> None:
    lead_id, transfer = handed_out(duty, database)
    assert (transfer["direction"], transfer["what"], transfer["party"]) == ("out", "lead", "traffic_police")
    assert "第四十二条" in transfer["basis"]
    assert transfer["due_on"] == Calendar().after(today(), 3).isoformat()
    path = f"/transfers/{transfer['id']}"
    received = duty.post(f"{path}/receipt", json={"receipt_no": "交警收〔2026〕8号"}).json()
    assert (received["state"], received["answer_due_on"]) == (
        "received",
        Calendar().after(today(), 7).isoformat(),
    )
    assert duty.post(f"{path}/receipt", json={"receipt_no": "x"}).status_code == 409
    assert duty.post(f"{path}/answer", json={"answer": "已罚款 2000 元"}).json()["state"] == "answered"
    assert duty.post(f"{path}/return", json={"reason": "x"}).status_code == 409
    actions = [entry["action"] for entry in duty.get(f"/leads/{lead_id}/journal").json()["items"]]
    assert actions == ["transition", "transfer_received", "transfer_answered"]


def test_what_is_returned_is_confirmed_again_and_can_go_elsewhere(
    duty: TestClient, database: Database
) -> None:
    lead_id, transfer = handed_out(duty, database)
    back = duty.post(f"/transfers/{transfer['id']}/return", json={"reason": "不属管辖"}).json()
    assert (back["state"], back["return_reason"]) == ("sent_back", "不属管辖")
    assert duty.get(f"/leads/{lead_id}").json()["state"] == "confirmed"
    duty.post(f"/leads/{lead_id}/transitions", json={"to": "transferred", "receiver": "police"})
    assert [one["party"] for one in duty.get("/transfers", params={"lead_id": lead_id}).json()["items"]] == [
        "police", "traffic_police",
    ]  # fmt: skip
    duty.post(f"/leads/{lead_id}/transitions", json={"to": "confirmed", "note": "撤回"})
    assert duty.get("/transfers", params={"state": "sent_back"}).json()["items"][0]["return_reason"] == "撤回"


def test_a_filed_case_is_handed_over_as_a_case(squad: TestClient, database: Database) -> None:
    _, transfer = handed_out(squad, database, "filed")
    assert transfer["what"] == "case"


def test_what_another_authority_hands_over_becomes_a_lead(
    as_role: Clients, duty: TestClient, database: Database
) -> None:
    body = {
        "party": "traffic_police", "party_name": "章丘交警大队", "plate": "鲁A00000", "kind": "uncovered_load",
        "jurisdiction": "370114001", "basis": "《济南市城市建筑垃圾管理条例》第四十二条", "note": "路检发现未密闭",
    }  # fmt: skip
    assert as_role("viewer").post("/transfers", json=body).status_code == 403
    taken = duty.post("/transfers", json=body)
    assert taken.status_code == 201
    lead = duty.get(f"/leads/{taken.json()['lead_id']}").json()
    assert (lead["state"], lead["kind"], lead["squad"], lead["alerts"]) == (
        "new",
        "uncovered_load",
        "一中队",
        [],
    )
    path = f"/transfers/{taken.json()['id']}"
    assert duty.post(f"{path}/receipt", json={"receipt_no": "1"}).json()["answer_due_on"] is None
    for who, to in (
        ("duty", "assigned"),
        ("squad", "verifying"),
        ("squad", "confirmed"),
        ("duty", "transferred"),
    ):
        assert as_role(who).post(f"/leads/{lead['id']}/transitions", json={"to": to}).status_code == 200
    assert duty.post(f"/leads/{lead['id']}/transitions", json={"to": "closed"}).status_code == 200
    assert duty.get(path).json()["answer_due_on"] == Calendar().after(today(), 7).isoformat()
    assert duty.post("/transfers", json={"party": "police", "note": "电话"}).status_code == 201


def test_what_nobody_received_in_time_is_overdue(duty: TestClient, database: Database) -> None:
    _, transfer = handed_out(duty, database)
    assert transfer["overdue"] is False
    database.execute("UPDATE lead_transfer SET due_on = '2026-01-05'")
    assert duty.get(f"/transfers/{transfer['id']}").json()["overdue"] is True
    assert duty.get("/transfers").json()["items"][0]["overdue"] is True
    assert duty.get("/transfers/99").status_code == 404


def test_the_letter_is_a_pdf_and_the_package_holds_it_with_the_case_file(
    duty: TestClient, database: Database
) -> None:
    _, transfer = handed_out(duty, database)
    letter = duty.get(f"/transfers/{transfer['id']}/document")
    assert (letter.headers["Content-Type"], letter.content[:5]) == ("application/pdf", b"%PDF-")
    package = duty.get(f"/transfers/{transfer['id']}/package").content
    assert verify(package) is None
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert json.loads(archive.read("transfer.json"))["party"] == "traffic_police"
        assert archive.read("transfer.pdf") == letter.content


def test_a_lead_shows_the_law_of_its_kind(duty: TestClient, database: Database) -> None:
    lead_id = builders.lead(database, kind="illegal_dumping")
    laws = duty.get(f"/leads/{lead_id}").json()["laws"]
    assert [law["id"] for law in laws] == ["dump-jinan-52", "dump-solidwaste-111", "dump-water-20"]
    assert laws[0]["confirmed"] is False
    assert "核对原文" in duty.get("/laws").json()["note"]


def test_a_worksheet_keeps_its_inputs_and_the_law_as_it_was(
    squad: TestClient, duty: TestClient, database: Database
) -> None:
    lead_id = builders.lead(database, "confirmed", kind="illegal_dumping")
    body = {
        "law_id": "dump-jinan-52",
        "factors": ["repeated", "at_night"],
        "amount_yuan": 30000,
        "note": "第二次",
    }
    assert duty.post(f"/leads/{lead_id}/worksheets", json=body).status_code == 403
    made = squad.post(f"/leads/{lead_id}/worksheets", json=body)
    assert (made.status_code, made.json()["share"], made.json()["suggested_yuan"]) == (201, 0.6, 32000)
    assert made.json()["terms"] == {"base": 0.3, "repeated": 0.25, "at_night": 0.05}
    assert made.json()["law"]["fine_max_yuan"] == 50000
    assert squad.get(f"/leads/{lead_id}/worksheets").json() == [made.json()]
    assert squad.get(f"/leads/{lead_id}/journal").json()["items"][-1]["action"] == "worksheet"
    assert squad.post(f"/leads/{lead_id}/worksheets", json={**body, "factors": ["luck"]}).status_code == 422
    assert squad.post(f"/leads/{lead_id}/worksheets", json={**body, "law_id": "none"}).status_code == 422
