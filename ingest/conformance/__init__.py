"""`fleetfume device-test`: what is right and what is wrong with what one device publishes.

Messages are captured (`captured`), read with the collector's own decoders and judged by the engine (`heard`), and
looked at by pure checks (`transport`, `content`, `agreement`), each of which says what to do.
"""
