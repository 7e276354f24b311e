"""From the socket to a message in hand: MQTT packets, the receiver, this collector's session at the broker."""
