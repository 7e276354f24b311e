"""What devices, vehicles, companies, sites, routes, permits and outlets are and say.

May import runtime.
"""
