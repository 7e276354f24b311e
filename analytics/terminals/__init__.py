"""Terminals: what a device's own readings, and their absence, say of the device.

Kernels over the vehicle's state, like `analytics.haulage`.
"""
