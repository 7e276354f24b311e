"""Why something a device sent was refused: the stable codes of `quarantine.reason`.

One place for all of them, whichever module finds the fault; their Chinese and English labels stand
in the catalogue of labels under the same codes.
"""

from enum import StrEnum


class Reason(StrEnum):
    # The topic
    BAD_TOPIC = "bad_topic"
    """Not {prefix}/{kind}/{device_id}/{channel}."""
    UNKNOWN_KIND = "unknown_kind"
    BAD_DEVICE_ID = "bad_device_id"
    """Not [A-Za-z0-9_-]{1,32}."""
    UNKNOWN_CHANNEL = "unknown_channel"
    """Not a channel that this kind of device sends on."""

    # The device, as the register knows it
    UNKNOWN_DEVICE = "unknown_device"
    WRONG_KIND = "wrong_kind"
    """Registered as the other kind."""
    DEVICE_DISABLED = "device_disabled"

    # The payload
    TOO_LARGE = "too_large"
    """Over 256 KiB."""
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    TOO_MANY_READINGS = "too_many_readings"
    """A batch of more than 500: refused whole."""

    # A frame (JT/T 808, HJ 212)
    BAD_FRAME = "bad_frame"
    """No frame: a delimiter is missing, or the header is cut short."""
    BAD_ESCAPE = "bad_escape"
    BAD_CHECKSUM = "bad_checksum"
    """BCC or CRC."""
    BAD_LENGTH = "bad_length"
    """Not as long as its header says."""
    BAD_BODY = "bad_body"
    """A right frame whose content is not what its type says."""
    ENCRYPTED = "encrypted"
    INCOMPLETE_MESSAGE = "incomplete_message"
    """A part of a message whose other parts have not come; read with them once they have."""
    WRONG_SERIAL = "wrong_serial"
    """Names another terminal than the register does for this device."""

    # One reading
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    """A value that the field cannot have; what nobody believes, but an instrument can send, is a quality."""
    BAD_TIME = "bad_time"
    """Not an instant: no zone, no such day, milliseconds for seconds."""
    FUTURE_TIME = "future_time"
    """More than 10 min ahead of the clock."""
    TOO_OLD = "too_old"
    """Before the retention."""

    # The collector
    RATE_LIMITED = "rate_limited"
    """More messages than a device may send (FLEETFUME_RATE_LIMIT_PER_MIN): not looked into, to be read again."""
    INTERNAL = "internal"
    """It broke what reads it: a fault of ours, kept with its bytes until it is mended."""
