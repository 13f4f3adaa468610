"""The cameras of the papers' other data sets, for their embedded twins.

Sampling distances are the instruments' own. Modulation transfer, noise and registration are assumed: of the order that
such instruments have, one value for all bands where nothing better was at hand. Path reflectance and transmittance are
those of Sentinel-2's bands of the same colour.
"""

from __future__ import annotations

from satsr.world.cameras.sensors import SENTINEL2, Band, Sensor

# The world's band that a colour is seen in.
SEEN_IN = {"blue": "b02", "green": "b03", "red": "b04", "nir": "b08"}


def _band(colour: str, gsd_m: float, mtf_nyquist: float, snr: float) -> Band:
    like = SENTINEL2.band(SEEN_IN[colour])
    return Band(colour, gsd_m, mtf_nyquist, snr, like.reference, like.path, like.transmittance)


# PROBA-V's wide cameras give 300 m, its middle camera 100 m; the challenge pairs the two.
PROBAV_300 = Sensor("PROBA-V, 300 m", (_band("nir", 300, 0.2, 200),), registration_m=90.0)
PROBAV_100 = Sensor("PROBA-V, 100 m", (_band("nir", 100, 0.2, 150),), registration_m=0.0)

OLI = Sensor(
    "Landsat-8 OLI", tuple(_band(c, 30, 0.3, snr) for c, snr in (("blue", 360), ("green", 300), ("red", 230))), 6.0
)

# Pan-sharpened to 1.5 m; the world has no detail below 2.4 m, which the low transfer at 1.5 m accounts for.
SPOT = Sensor("SPOT 6/7, pan-sharpened", tuple(_band(c, 1.5, 0.004, 100) for c in ("red", "green", "blue", "nir")), 0.0)

# WorldView-like colour images; fMoW keeps them at 0.3 to 1.5 m and coarser, here at what the world has.
VERY_HIGH = Sensor("very high resolution", tuple(_band(c, 2.5, 0.15, 100) for c in ("red", "green", "blue")), 0.0)
