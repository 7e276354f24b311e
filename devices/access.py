"""What each user of the broker may do: one list, for Mosquitto's ACL file and for brokers that ask over HTTP."""

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from devices.topics import HEARD_CHANNELS, UP_CHANNELS

SERVICE_USER: Final = "fleetfume"
"""The collector's user name at the broker."""
USER: Final = "%u"
"""In a device's grants: its user name, which is its id."""


class Grant(NamedTuple):
    access: Literal["read", "write"]
    topic: str
    """With `+` for any one level."""


def service_grants(prefix: str) -> Iterator[Grant]:
    """The collector hears every device and commands each."""
    for channel in HEARD_CHANNELS:
        yield Grant("read", f"{prefix}/+/+/{channel}")
    for kind in UP_CHANNELS:
        yield Grant("write", f"{prefix}/{kind}/+/cmd")


def device_grants(prefix: str) -> Iterator[Grant]:
    """A device publishes below its id and reads its `cmd`."""
    for kind, channels in UP_CHANNELS.items():
        for channel in channels:
            yield Grant("write", f"{prefix}/{kind}/{USER}/{channel}")
        yield Grant("read", f"{prefix}/{kind}/{USER}/cmd")


def is_allowed(prefix: str, user: str, access: Literal["read", "write"], topic: str) -> bool:
    """Whether `user` may publish to `topic`, or subscribe to it (a filter then, shared ones too)."""
    levels = topic.split("/")
    if access == "read" and levels[0] == "$share":
        levels = levels[2:]
    elif access == "write" and ("+" in topic or "#" in topic):
        return False
    grants = service_grants(prefix) if user == SERVICE_USER else device_grants(prefix)
    return any(grant.access == access and _covers(grant.topic.split("/"), user, levels) for grant in grants)


def _covers(granted: list[str], user: str, asked: list[str]) -> bool:
    """Whether every topic that matches `asked` is granted."""
    return len(granted) == len(asked) and all(
        level != "#" if grant == "+" else level == (user if grant == USER else grant)
        for grant, level in zip(granted, asked, strict=True)
    )
