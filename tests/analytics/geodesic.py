"""Vincenty's inverse geodesic on the WGS-84 ellipsoid, to a tenth of a millimetre: what the plane is held against.

Source: Vincenty (1975), Survey Review 23(176), 88-93. Does not converge near the antipode.
"""

import math

A, F = 6_378_137.0, 1 / 298.257223563
B = A * (1 - F)


def geodesic_m(lat0: float, lon0: float, lat1: float, lon1: float) -> float:
    u0, u1 = (math.atan((1 - F) * math.tan(math.radians(lat))) for lat in (lat0, lat1))
    su0, cu0, su1, cu1 = math.sin(u0), math.cos(u0), math.sin(u1), math.cos(u1)
    difference = turn = math.radians(lon1 - lon0)
    for _ in range(100):
        ss = math.hypot(cu1 * math.sin(turn), cu0 * su1 - su0 * cu1 * math.cos(turn))
        if ss < 1e-13:  # under a micrometre
            return 0.0
        cs = su0 * su1 + cu0 * cu1 * math.cos(turn)
        sigma = math.atan2(ss, cs)
        sa = cu0 * cu1 * math.sin(turn) / ss
        c2a = 1 - sa * sa
        cm = cs - 2 * su0 * su1 / c2a if c2a else 0.0
        c = F / 16 * c2a * (4 + F * (4 - 3 * c2a))
        before, turn = (
            turn,
            difference + (1 - c) * F * sa * (sigma + c * ss * (cm + c * cs * (2 * cm * cm - 1))),
        )
        if abs(turn - before) < 1e-13:
            break
    else:
        raise ValueError("no convergence: near the antipode")
    uu = c2a * (A * A - B * B) / (B * B)
    ka = 1 + uu / 16384 * (4096 + uu * (-768 + uu * (320 - 175 * uu)))
    kb = uu / 1024 * (256 + uu * (-128 + uu * (74 - 47 * uu)))
    twice = cs * (2 * cm * cm - 1) - kb / 6 * cm * (4 * ss * ss - 3) * (4 * cm * cm - 3)
    return B * ka * (sigma - kb * ss * (cm + kb / 4 * twice))
