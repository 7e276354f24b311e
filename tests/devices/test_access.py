"""What the broker's users may do, asked over HTTP, is what Mosquitto's ACL file says."""

import itertools
from typing import Literal

import pytest

from devices.access import SERVICE_USER, is_allowed
from devices.credentials import access_rules

PREFIX = "ff/v1"
CHANNELS = ("telemetry", "jt808", "hj212", "status", "ack", "cmd", "nonsense", "+", "#")
TOPICS = [
    "/".join(levels)
    for levels in itertools.product(
        ("ff/v1", "ff/v2"), ("vehicle", "fume", "+"), ("T1", "T2", "+", "", "%u"), CHANNELS
    )
]
STRANGE = [
    "",
    "#",
    "+",
    "$SYS/#",
    "ff/v1/vehicle/T1",
    "ff/v1/vehicle/T1/telemetry/more",
    "/ff/v1/vehicle/T1/cmd",
]


def by_the_file(user: str, access: str, topic: str) -> bool:
    """Read the file as mosquitto.conf(5) says: `user` begins a section, patterns hold for everyone."""
    section, granted = "", []
    for line in access_rules(PREFIX).splitlines():
        word, *rest = line.split(" ") if line else [""]
        if word == "user":
            section = rest[0]
        elif word == "topic" and section == user:
            granted.append(rest)
        elif word == "pattern" and user != SERVICE_USER:
            granted.append([rest[0], rest[1].replace("%u", user)])
    return any(
        one == access and len(levels := pattern.split("/")) == len(asked := topic.split("/"))
        and all(level in (wanted, "+") for level, wanted in zip(levels, asked, strict=True))
        for one, pattern in granted
    )  # fmt: skip


@pytest.mark.parametrize("user", [SERVICE_USER, "T1", "T2", "nobody"])
@pytest.mark.parametrize("access", ["read", "write"])
def test_the_answer_is_that_of_the_acl_file(user: str, access: Literal["read", "write"]) -> None:
    for topic in [*TOPICS, *STRANGE]:
        if "#" in topic or (access == "write" and "+" in topic):
            assert not is_allowed(PREFIX, user, access, topic), topic
        else:
            assert is_allowed(PREFIX, user, access, topic) == by_the_file(user, access, topic), topic


def test_the_collector_may_share_its_subscription_and_a_device_only_its_own() -> None:
    shared = "$share/fleetfume-1/ff/v1/+/+/telemetry"
    assert is_allowed(PREFIX, SERVICE_USER, "read", shared)
    assert not is_allowed(PREFIX, "T1", "read", shared)
    assert not is_allowed(PREFIX, SERVICE_USER, "write", shared)
    assert is_allowed(PREFIX, "T1", "read", "$share/any/ff/v1/fume/T1/cmd")
    assert not is_allowed(PREFIX, SERVICE_USER, "read", "$share")
