"""Trucks: one module for each thing that is believed, remembered or told of a vehicle.

All of it is kernels over two records: `state`, what is remembered of the vehicle between fixes, and `here`, the
fix being judged (both in `state`). `analytics.vehicles` calls them in order.
"""
