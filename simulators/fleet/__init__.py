"""The trucks and their drivers, a room for each thing they do. Everything comes from the seed and the device id.

`truck` what a truck can do; `shifts` when it does what; `dumping`, `straying`, `loads`, `speeding` and `silence` what
some do instead of honest hauls; `truths` what they all amount to by the contract's definitions.
"""
