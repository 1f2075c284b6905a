"""Images whose cause is known: circles, moons, things that are not circles; digits; photographs; points.

Ink is 1 and paper is 0. Lengths come in two units: *units* of the unit square in which a circle is
described, and *pixels* of the image on which it is drawn. The square fills the image except for
a margin, so that nothing is ever clipped; y points down, as rows do.
"""

from course_lib.data.circle import (
    CENTER_RANGE,
    RADIUS_RANGE,
    Circles,
    canvas,
    circles,
    misfit,
    nearest_circle,
    radius_only_floor,
    render_circles,
    split,
)
from course_lib.data.collection import Collection, collect, spectra
from course_lib.data.handwriting import Digits, digits
from course_lib.data.moon import Moons, moons, render_moons
from course_lib.data.odd_shapes import ANOMALY_KINDS, anomalies
from course_lib.data.own import Own, own, own_series
from course_lib.data.photos import FLAT_PATCH, patches, photographs, whiten
from course_lib.data.points import banana, banana_curve, gaussian_points
from course_lib.data.stand_ins import leaves, tones, walks
from course_lib.data.stored import PublishedRun, published_run, stored_controls
