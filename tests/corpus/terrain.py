"""Maps: terrain and its waters, distances, shapes."""

import math

import numpy as np

EARTH_RADIUS = 6371.0088
D8 = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


def haversine_matrix(lat, lon, unit="km"):
    """Great-circle distances between all places, the farthest pair and a greedy tour."""
    scale = {"km": 1.0, "mi": 0.621371, "nm": 0.539957}[unit]
    lat, lon = np.radians(lat), np.radians(lon)
    n = len(lat)
    d = np.zeros((n, n))
    for i in range(n):
        a = np.sin((lat - lat[i]) / 2) ** 2 + np.cos(lat[i]) * np.cos(lat) * np.sin((lon - lon[i]) / 2) ** 2
        d[i] = 2 * EARTH_RADIUS * np.arcsin(np.sqrt(np.minimum(a, 1))) * scale
    tour, left = [0], set(range(1, n))
    while left:
        nxt = min(left, key=lambda j: d[tour[-1], j])
        tour.append(nxt)
        left.remove(nxt)
    far = np.unravel_index(d.argmax(), d.shape)
    return d, tour, (int(far[0]), int(far[1]))


def slope_aspect(dem, cell=1.0, nodata=None):
    """Horn's slope and aspect in degrees; -1 where it is flat, NaN at the rim and near gaps."""
    rows, cols = dem.shape
    z = dem.astype(float)
    if nodata is not None:
        z[dem == nodata] = np.nan
    slope, aspect = np.full(z.shape, np.nan), np.full(z.shape, np.nan)
    for i in range(1, rows - 1):
        for j in range(1, cols - 1):
            w = z[i - 1 : i + 2, j - 1 : j + 2]
            if np.isnan(w).any():
                continue
            dx = ((w[0, 2] + 2 * w[1, 2] + w[2, 2]) - (w[0, 0] + 2 * w[1, 0] + w[2, 0])) / (8 * cell)
            dy = ((w[2, 0] + 2 * w[2, 1] + w[2, 2]) - (w[0, 0] + 2 * w[0, 1] + w[0, 2])) / (8 * cell)
            slope[i, j] = np.degrees(np.arctan(np.hypot(dx, dy)))
            if dx == 0 and dy == 0:
                aspect[i, j] = -1
            else:
                a = np.degrees(np.arctan2(dy, -dx))
                aspect[i, j] = 90 - a if a <= 90 else 450 - a
    return slope, aspect


def fill_sinks(dem, eps=0.0):
    """Planchon and Darboux: water drains from a flooded surface until nothing changes."""
    rows, cols = dem.shape
    w = np.full(dem.shape, np.inf)
    w[0], w[-1], w[:, 0], w[:, -1] = dem[0], dem[-1], dem[:, 0], dem[:, -1]
    sweeps, changed = 0, True
    while changed:
        changed = False
        sweeps += 1
        for i in range(1, rows - 1):
            for j in range(1, cols - 1):
                if w[i, j] <= dem[i, j]:
                    continue
                for di, dj in D8:
                    n = w[i + di, j + dj]
                    if dem[i, j] >= n + eps:
                        w[i, j] = dem[i, j]
                        changed = True
                        break
                    if w[i, j] > n + eps:
                        w[i, j] = n + eps
                        changed = True
    return w, sweeps


def flow_accumulation(dem):
    """D8 directions, and how many cells drain through each, from the highest down."""
    rows, cols = dem.shape
    direction = np.full(dem.shape, -1, dtype=np.int8)
    for i in range(rows):
        for j in range(cols):
            steepest = 0.0
            for k, (di, dj) in enumerate(D8):
                a, b = i + di, j + dj
                if 0 <= a < rows and 0 <= b < cols:
                    drop = (dem[i, j] - dem[a, b]) / (math.sqrt(2) if di and dj else 1.0)
                    if drop > steepest:
                        steepest = drop
                        direction[i, j] = k
    acc = np.ones(dem.shape, dtype=int)
    for flat in np.argsort(-dem, axis=None, kind="stable"):
        i, j = divmod(flat, cols)
        k = direction[i, j]
        if k >= 0:
            acc[i + D8[k][0], j + D8[k][1]] += acc[i, j]
    return direction, acc


def viewshed(dem, observer, height=1.7, radius=None):
    """Cells that can be seen, by lines of sight with interpolated heights."""
    rows, cols = dem.shape
    oi, oj = observer
    eye = dem[oi, oj] + height
    visible = np.zeros(dem.shape, dtype=bool)
    visible[oi, oj] = True
    for i in range(rows):
        for j in range(cols):
            if (i, j) == (oi, oj):
                continue
            dist = math.hypot(i - oi, j - oj)
            if radius is not None and dist > radius:
                continue
            steps = max(abs(i - oi), abs(j - oj))
            target = (dem[i, j] - eye) / dist
            seen = True
            for s in range(1, steps):
                f = s / steps
                y, x = oi + f * (i - oi), oj + f * (j - oj)
                y0, x0 = int(y), int(x)
                y1, x1 = min(y0 + 1, rows - 1), min(x0 + 1, cols - 1)
                fy, fx = y - y0, x - x0
                top = dem[y0, x0] * (1 - fx) + dem[y0, x1] * fx
                low = dem[y1, x0] * (1 - fx) + dem[y1, x1] * fx
                if (top * (1 - fy) + low * fy - eye) / (f * dist) > target:
                    seen = False
                    break
            visible[i, j] = seen
    return visible


def ordinary_kriging(xy, z, targets, sill=1.0, rng_=5.0, nugget=0.0):
    """Estimates and variances with a spherical variogram."""

    def gamma(h):
        inside = nugget + (sill - nugget) * (1.5 * h / rng_ - 0.5 * (h / rng_) ** 3)
        return np.where(h == 0, 0.0, np.where(h < rng_, inside, sill))

    n = len(xy)
    d = np.sqrt(((xy[:, None, :] - xy[None, :, :]) ** 2).sum(axis=2))
    k = np.ones((n + 1, n + 1))
    k[:n, :n] = gamma(d)
    k[n, n] = 0.0
    estimates, variances = np.empty(len(targets)), np.empty(len(targets))
    for t, p in enumerate(targets):
        rhs = np.ones(n + 1)
        rhs[:n] = gamma(np.hypot(xy[:, 0] - p[0], xy[:, 1] - p[1]))
        w = np.linalg.solve(k, rhs)
        estimates[t] = w[:n] @ z
        variances[t] = w @ rhs
    return estimates, variances


def zonal_polygons(points, polygons):
    """How many points lie in every polygon, its area and centroid (even-odd rule)."""
    report = []
    for name, poly in polygons.items():
        inside = 0
        for x, y in points:
            odd = False
            j = len(poly) - 1
            for i in range(len(poly)):
                xi, yi = poly[i]
                xj, yj = poly[j]
                if (yi > y) != (yj > y) and x < (xj - xi) * (y - yi) / (yj - yi) + xi:
                    odd = not odd
                j = i
            inside += odd
        area = cx = cy = 0.0
        for (x0, y0), (x1, y1) in zip(poly, np.roll(poly, -1, axis=0)):
            cross = x0 * y1 - x1 * y0
            area += cross / 2
            cx += (x0 + x1) * cross
            cy += (y0 + y1) * cross
        centre = (cx / (6 * area), cy / (6 * area)) if area else None
        report.append((name, inside, abs(area), centre))
    return report


def douglas_peucker(points, epsilon):
    """Simplified polyline with an explicit stack."""
    n = len(points)
    keep = np.zeros(n, dtype=bool)
    if n == 0:
        return points[keep], keep
    keep[0] = keep[-1] = True
    stack = [(0, n - 1)]
    while stack:
        a, b = stack.pop()
        if b <= a + 1:
            continue
        p, q = points[a], points[b]
        d = q - p
        length = np.hypot(d[0], d[1])
        worst, where = 0.0, -1
        for k in range(a + 1, b):
            r = points[k] - p
            dist = abs(d[0] * r[1] - d[1] * r[0]) / length if length > 0 else np.hypot(r[0], r[1])
            if dist > worst:
                worst, where = dist, k
        if worst > epsilon:
            keep[where] = True
            stack.append((a, where))
            stack.append((where, b))
    return points[keep], keep


def _terrain(rng, n):
    y, x = np.mgrid[0:n, 0:n]
    return 10 * np.sin(x / 3.0) + 8 * np.cos(y / 4.0) + rng.normal(0, 0.5, (n, n))


SQUARES = {"a": np.array([[0, 0], [4, 0], [4, 4], [0, 4]]), "b": np.array([[5.0, 5.0], [9.0, 5.0], [7.0, 9.0]])}

CASES = {
    haversine_matrix: lambda rng: [
        (rng.uniform(-80, 80, 8), rng.uniform(-180, 180, 8)),
        ([0, 90, -90], [0, 0, 180], "nm"),
        ([10.0], [20.0], "mi"),
        ([10.0], [20.0], "furlong"),
    ],
    slope_aspect: lambda rng: [
        (_terrain(rng, 14), 2.0),
        (rng.integers(0, 3, (6, 5)), 1, 0),
        (np.zeros((3, 3), np.float32),),
        (np.zeros((1, 2)),),
    ],
    fill_sinks: lambda rng: [(_terrain(rng, 12),), (rng.integers(0, 9, (6, 7)).astype(float), 0.01), (np.ones((2, 2), int),)],
    flow_accumulation: lambda rng: [
        (_terrain(rng, 12),),
        (rng.integers(0, 9, (5, 7)),),
        (np.zeros((2, 2), np.float32),),
        (np.zeros((0, 3)),),
    ],
    viewshed: lambda rng: [
        (_terrain(rng, 12), (5, 6)),
        (rng.integers(0, 4, (6, 5)), (0, 0), 1, 4),
        (np.zeros((1, 1)), (0, 0)),
        (np.zeros((2, 2)), (3, 0)),
    ],
    ordinary_kriging: lambda rng: [
        (rng.uniform(0, 10, (12, 2)), rng.normal(size=12), rng.uniform(0, 10, (6, 2))),
        (np.array([[0, 0], [1, 0], [0, 1]]), np.array([1, 2, 3]), [(0, 0), (5.0, 5.0)], 2.0, 3.0, 0.1),
        (np.zeros((2, 2)), np.ones(2), [(1.0, 1.0)]),
    ],
    zonal_polygons: lambda rng: [
        (rng.uniform(0, 10, (40, 2)), SQUARES),
        ([(1, 1), (4, 4)], {"a": [(0, 0), (2, 0), (0, 2)]}),
        (np.zeros((0, 2)), {"line": np.array([[0, 0], [1, 1]])}),
    ],
    douglas_peucker: lambda rng: [
        (np.cumsum(rng.normal(size=(60, 2)), axis=0), 1.0),
        (np.array([[0, 0], [1, 1], [2, 0]], np.float32), 0.5),
        (np.array([[0, 0], [3, 1], [0, 0]]), 0.5),
        (np.zeros((0, 2)), 1.0),
    ],
}
